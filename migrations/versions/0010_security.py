"""Security: versions of secrets, personal data that can be erased, rights, audit log, notices."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"

SQL = Path(__file__).parents[1] / "sql" / "0010_security"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Add what it needs, file by file in the order of their numbers."""
    for file in sorted(SQL.glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Refuse: an audit log is kept, and what is encrypted anew stays so."""
    raise NotImplementedError("0010 is not taken back: the audit log and new keys are kept")
