"""Puts events of a provider's own list into the inbox, as if their webhooks had come."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.privacy.encryption import FieldCipher
from payments.providers.stripe.event_list import ListedEvent
from payments.webhooks.sealed_payload import seal
from payments.webhooks.tables import InboxEvent
from payments.webhooks.wake_up import wake_up


def store_listed(
    session: Session,
    events: Sequence[ListedEvent],
    *,
    provider: str,
    cipher: FieldCipher,
    now: dt.datetime,
    request_id: str | None = None,
) -> int:
    """Keep the events that the inbox does not have, ask for a drain, and return how many."""
    rows = [
        {
            "provider": provider,
            "event_id": event.event_id,
            "event_type": event.type,
            "occurred_at": event.occurred_at,
            "payload_encrypted": seal(
                cipher, event.payload, provider=provider, event_id=event.event_id
            ),
            "request_id": request_id,
            "received_at": now,
            "due_at": now,
        }
        for event in events
    ]
    if not rows:
        return 0
    stored = session.scalars(
        insert(InboxEvent)
        .on_conflict_do_nothing(index_elements=["provider", "event_id"])
        .returning(InboxEvent.id),
        rows,
    ).all()
    if stored:
        wake_up(session, now=now, request_id=request_id)
    return len(stored)
