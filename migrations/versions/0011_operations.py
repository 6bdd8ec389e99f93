"""Operations: incidents, alerts, what runbooks need to find and to do."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"

SQL = Path(__file__).parents[1] / "sql" / "0011_operations"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Add what it needs, file by file in the order of their numbers."""
    for file in sorted(SQL.glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Refuse: what was done in incidents is kept."""
    raise NotImplementedError("0011 is not taken back: what was done in incidents is kept")
