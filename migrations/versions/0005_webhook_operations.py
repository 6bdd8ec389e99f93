"""What operators do with webhooks: retry windows set at run time, and replays."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parents[1] / "sql" / "0005_webhook_operations.sql"
AS_IT_IS = {"no_parameters": True}  # a % in the text is a %, and several statements may follow


def upgrade() -> None:
    """Add both tables, and to the inbox when an event was last replayed."""
    text = SQL.read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options=AS_IT_IS)


def downgrade() -> None:
    """Forget which windows were set and what was replayed; the events stay."""
    op.execute("DROP TABLE strongroom.webhook_replays, strongroom.webhook_retry_windows")
    op.execute("DROP INDEX strongroom.webhook_inbox_dead, strongroom.webhook_inbox_received")
    op.execute("ALTER TABLE strongroom.webhook_inbox DROP replayed_at")
