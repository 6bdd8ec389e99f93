"""Statements, matches, findings."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"

SQL = Path(__file__).parents[1] / "sql" / "0007_reconciliation.sql"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Add the tables of reconciliation."""
    text = SQL.read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Drop them; what they became in the ledger stays."""
    op.execute("""
        DROP TABLE strongroom.findings, strongroom.match_parts, strongroom.matches,
          strongroom.reconciliation_runs, strongroom.expectation_cursors, strongroom.expectations,
          strongroom.statement_lines, strongroom.bank_statements, strongroom.statement_files
    """)
