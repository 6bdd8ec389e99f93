"""The bank rail: links, receipts, deadlines."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"

SQL = Path(__file__).parents[1] / "sql" / "0006_bank_rail.sql"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Add what bank payments need."""
    text = SQL.read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Take it away; possible as long as no bank payment was made."""
    op.execute("""
        ALTER TABLE strongroom.refunds DROP receipt_id, DROP poll_at;
        DROP TABLE strongroom.bank_receipts, strongroom.deadline_extensions;
        DROP TRIGGER payments_no_early_expiry ON strongroom.payments;
        DROP TRIGGER payments_bank_fixed ON strongroom.payments;
        DROP FUNCTION strongroom.refuse_early_expiry;
        ALTER TABLE strongroom.payments DROP provider_status, DROP provider_status_at,
          DROP taken_back_at, DROP bank_reference, DROP link_url_encrypted, DROP expires_at, DROP amount_received
    """)
