"""Invoices and the finance desk: documents, reports, periods, manual entries, exports."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"

SQL = Path(__file__).parents[1] / "sql" / "0009_finance"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Add what invoices and reports need, file by file in the order of their numbers."""
    for file in sorted(SQL.glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Refuse: invoices are kept by law, and a closed period stays closed."""
    raise NotImplementedError("0009 is not taken back: invoices and closings are kept")
