"""The crypto rail and releases: escrows, transactions, releases, payouts, freezes."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"

SQL = Path(__file__).parents[1] / "sql" / "0008_escrow.sql"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Add what escrows and releases need."""
    text = SQL.read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Take it away; possible as long as no crypto payment was made."""
    op.execute("""
        ALTER TABLE strongroom.balance_transactions
          DROP CONSTRAINT balance_transactions_awaits_check,
          ADD CONSTRAINT balance_transactions_awaits_check CHECK (awaits IN ('charge', 'refund',
            'refund_returned', 'dispute', 'dispute_won'));
        DROP TABLE strongroom.seller_payout_attempts, strongroom.seller_payouts,
          strongroom.releases, strongroom.freezes,
          strongroom.chain_blocks, strongroom.chain_cursors, strongroom.escrow_effects,
          strongroom.escrows, strongroom.chain_attempts, strongroom.chain_intents,
          strongroom.chain_signers, strongroom.payout_destinations;
        DROP INDEX strongroom.refunds_on_chain;
        DROP FUNCTION strongroom.keep_nonce, strongroom.refuse_frozen;
        ALTER TABLE strongroom.payments DROP escrow_id;
        REVOKE ALL ON strongroom.refunds FROM strongroom_signer;
        REVOKE ALL ON SCHEMA strongroom FROM strongroom_signer;
        DROP DOMAIN strongroom.address, strongroom.hash32
    """)
