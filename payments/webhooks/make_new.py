"""Makes events of the inbox new, whatever became of them before: they are applied again."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.webhooks.tables import InboxEvent
from payments.webhooks.wake_up import wake_up


def make_new(session: Session, numbers: Sequence[int], *, now: dt.datetime) -> int:
    """Make those of the events new that still have a payload, and return how many they are."""
    made = session.scalars(
        update(InboxEvent)
        .where(InboxEvent.id.in_(numbers), InboxEvent.payload_encrypted.is_not(None))
        .values(
            state="new",
            attempts=0,
            due_at=now,
            replayed_at=now,
            error=None,
            finished_at=None,
            discard_id=None,
        )
        .returning(InboxEvent.id)
        .execution_options(synchronize_session=False)
    ).all()
    if made:
        wake_up(session, now=now, request_id=None)
    return len(made)
