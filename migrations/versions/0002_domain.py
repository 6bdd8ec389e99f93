"""Parties, orders, payments, and the tables that join web, relay and worker."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parents[1] / "sql" / "0002_domain.sql"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Create the schema `strongroom`."""
    text = SQL.read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Drop the domain's tables with everything in them."""
    op.execute("DROP SCHEMA strongroom CASCADE")
