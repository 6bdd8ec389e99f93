"""Captures, checkout pages, refunds, disputes, and calls whose outcome is looked up."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = Path(__file__).parents[1] / "sql" / "0003_card_rail.sql"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Widen payments and provider calls, and add refunds and disputes."""
    text = SQL.read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Go back to what 0002 knew; refunds and disputes are lost."""
    op.execute("DROP TABLE strongroom.refunds, strongroom.disputes")
    op.execute("DELETE FROM strongroom.provider_calls WHERE state = 'declined'")
    op.execute("""
        ALTER TABLE strongroom.provider_calls
          DROP request, DROP failure, DROP principal, DROP reference, DROP attempts, DROP due_at,
          DROP CONSTRAINT provider_calls_state_check,
          ADD CONSTRAINT provider_calls_state_check
            CHECK (state IN ('intent', 'done', 'refused', 'unknown')),
          DROP CONSTRAINT provider_calls_check,
          ADD CONSTRAINT provider_calls_check
            CHECK ((state IN ('done', 'refused')) = (finished_at IS NOT NULL))
    """)
    op.execute("""
        CREATE INDEX provider_calls_open ON strongroom.provider_calls (created_at)
          WHERE state IN ('intent', 'unknown')
    """)
    op.execute("""
        ALTER TABLE strongroom.payments
          DROP amount_captured, DROP authorized_at, DROP next_action,
          DROP checkout_session_ref, DROP checkout_url_encrypted, DROP poll_at, DROP polls
    """)
