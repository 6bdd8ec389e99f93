"""Lists what operators had applied again, newest first."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.webhooks.tables import WebhookReplay


def list_replays(session: Session, *, limit: int) -> list[WebhookReplay]:
    """Return up to `limit` replays, the newest first."""
    return list(
        session.scalars(select(WebhookReplay).order_by(WebhookReplay.id.desc()).limit(limit))
    )
