"""The double-entry ledger: tables, guards, posting functions and rights."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

SQL = Path(__file__).parents[1] / "sql" / "0001_ledger"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Create the schema `ledger`, file by file in the order of their numbers."""
    for file in sorted(SQL.glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Drop the ledger with everything in it; the role is shared and stays."""
    op.execute("DROP SCHEMA ledger CASCADE")
