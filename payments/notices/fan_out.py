"""Makes notices of live events, in the transaction that gives these their positions.

So the change itself writes nothing more for it, and of a change that was committed there is
exactly one notice, whatever dies when.
"""

import datetime as dt
import json
from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.delivery.live_events import NumberedEvent
from payments.delivery.tables import LiveEvent
from payments.identifiers import new_id
from payments.notices.compose import compose
from payments.notices.tables import NoticeEndpoint
from payments.notices.topics import TOPICS, told_of
from payments.notices.wake_up import wake_up

_INSERT = text("""
    WITH made AS (
      INSERT INTO strongroom.notices (id, type, subject_id, body, created_at)
      SELECT r.id, r.type, r.subject_id, r.body, :now
        FROM jsonb_to_recordset(CAST(:rows AS jsonb))
          AS r (id text, type text, subject_id text, body text)
      RETURNING id, type
    )
    INSERT INTO strongroom.notice_deliveries (notice_id, endpoint_id, due_at, created_at)
    SELECT m.id, e.id, :now, :now
      FROM made m JOIN strongroom.notice_endpoints e
        ON e.status = 'enabled' AND (e.topics = '{}' OR m.type = ANY (e.topics))
     ORDER BY m.id
    RETURNING number
""")


def fan_out(session: Session, events: Sequence[NumberedEvent], *, now: dt.datetime) -> int:
    """Write the notices of events just numbered and return to how many deliveries they lead.

    Without any endpoint, nothing is written. While all are disabled, notices are written all the
    same: they can be replayed afterwards.
    """
    told = [event for event in events if event.topic in TOPICS]
    if not told or not _has_endpoint(session):
        return 0
    times = _times_of(session, told)
    rows = [
        {
            "id": new_id("ntc", now=now),
            "type": event.topic,
            "subject_id": event.subject_id,
            "body": compose(
                type_=event.topic,
                occurred_at=times[event.position],
                data=told_of(event.topic, event.data),
                position=event.position,
            ),
        }
        for event in told
    ]
    count = len(session.execute(_INSERT, {"rows": json.dumps(rows), "now": now}).all())
    if count:
        wake_up(session, now=now)
    return count


def _has_endpoint(session: Session) -> bool:
    found = select(NoticeEndpoint.id).where(NoticeEndpoint.status != "deleted").limit(1)
    return session.scalar(found) is not None


def _times_of(session: Session, events: Sequence[NumberedEvent]) -> dict[int, dt.datetime]:
    positions = [event.position for event in events]
    found = select(LiveEvent.position, LiveEvent.created_at).where(
        LiveEvent.position.in_(positions)
    )
    return {position: at for position, at in session.execute(found) if position is not None}
