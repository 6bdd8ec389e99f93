"""Balance transactions, payouts, and how far they have been read."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = Path(__file__).parents[1] / "sql" / "0004_settlement.sql"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Add the tables of settlement."""
    text = SQL.read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Drop them; what they became in the ledger stays."""
    op.execute("""
        DROP TABLE strongroom.balance_transactions, strongroom.payouts, strongroom.balance_cursor
    """)
    op.execute("DROP DOMAIN strongroom.signed_minor_units")
