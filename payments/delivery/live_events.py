"""What the frontend hears of, written in the transaction of the change itself.

A position is given after the commit, under one lock: so positions have no gaps and grow in the
order in which changes became visible, which the row's own id does not promise.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import any_, column, delete, func, literal, or_, select, table, text, update
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.delivery.tables import LiveEvent

CHANNEL = "live_events"
EVERYBODY = "*"
"""In an audience: whoever has a stream, whatever is theirs. No party's id has this form."""

_cursor = table("live_cursor", column("last_position"), schema="strongroom")

_INSERT = text("""
    INSERT INTO strongroom.live_events (topic, subject_id, audience, data, created_at)
    SELECT c.topic, c.subject_id, c.audience, c.data, :now
      FROM ROWS FROM (
             jsonb_to_recordset(CAST(:rows AS jsonb))
               AS (topic text, subject_id text, audience text[], data jsonb)
           ) WITH ORDINALITY AS c (topic, subject_id, audience, data, n)
     ORDER BY c.n
""")


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that changed: `audience` lists the party ids that may see `data`, besides staff.

    With `EVERYBODY` in it, all of them may.
    """

    topic: str
    subject_id: str
    audience: Sequence[str]
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class NumberedEvent:
    """A committed change with its place among all changes."""

    position: int
    topic: str
    subject_id: str
    audience: list[str]
    data: dict[str, Any]


def announce(
    session: Session,
    *,
    topic: str,
    subject_id: str,
    audience: Sequence[str],
    data: Mapping[str, Any],
    now: dt.datetime,
) -> None:
    """Write a change such as `payment.updated` for the frontend, as part of this transaction."""
    change = Change(topic=topic, subject_id=subject_id, audience=audience, data=data)
    announce_all(session, [change], now=now)


def announce_all(session: Session, changes: Sequence[Change], *, now: dt.datetime) -> None:
    """Write changes in the order given, with one statement."""
    if not changes:
        return
    rows = [
        {
            "topic": change.topic,
            "subject_id": change.subject_id,
            "audience": list(change.audience),
            "data": dict(change.data),
        }
        for change in changes
    ]
    session.execute(_INSERT, {"rows": json.dumps(rows), "now": now})


def number_pending(session: Session, *, limit: int) -> list[NumberedEvent]:
    """Give positions to up to `limit` committed changes and return them in that order.

    Whoever does the same elsewhere waits for this transaction: publish after it has committed.
    """
    pending = select(LiveEvent.id).where(LiveEvent.position.is_(None)).limit(1)
    if session.scalar(pending) is None:
        return []
    last = session.scalar(select(_cursor.c.last_position).with_for_update()) or 0
    oldest = pending.order_by(LiveEvent.id).limit(limit).subquery()
    numbered = select(oldest.c.id, func.row_number().over(order_by=oldest.c.id).label("n")).cte()
    rows = session.execute(
        update(LiveEvent)
        .where(LiveEvent.id == numbered.c.id)
        .values(position=last + numbered.c.n)
        .returning(*_NUMBERED)
    )
    events = sorted((NumberedEvent(**row) for row in rows.mappings()), key=_position)
    if events:
        session.execute(update(_cursor).values(last_position=events[-1].position))
    return events


def read_since(
    session: Session, position: int, *, caller: Caller | None, limit: int
) -> list[NumberedEvent]:
    """Return up to `limit` changes after `position` that `caller` may see (None: all), in order."""
    query = select(*_NUMBERED).where(LiveEvent.position > position)
    if caller is not None and not caller.sees_everyone:
        own = literal(caller.party_id) == any_(LiveEvent.audience)
        query = query.where(or_(own, literal(EVERYBODY) == any_(LiveEvent.audience)))
    rows = session.execute(query.order_by(LiveEvent.position).limit(limit))
    return [NumberedEvent(**row) for row in rows.mappings()]


def to_wire(events: Sequence[NumberedEvent]) -> str:
    """Return what is published on Redis for these events."""
    return json.dumps([vars(event) for event in events], separators=(",", ":"))


def from_wire(message: bytes) -> list[NumberedEvent]:
    """Return the events of a message made by `to_wire`."""
    return [NumberedEvent(**event) for event in json.loads(message)]


def last_position(session: Session) -> int:
    """Return the position of the newest numbered change; 0 before the first."""
    return session.scalar(select(_cursor.c.last_position)) or 0


def prune(session: Session, *, created_before: dt.datetime, limit: int) -> int:
    """Delete up to `limit` numbered changes older than a moment, and return how many."""
    old = (
        select(LiveEvent.id)
        .where(LiveEvent.position.is_not(None), LiveEvent.created_at < created_before)
        .order_by(LiveEvent.position)
        .limit(limit)
    )
    deleted = session.scalars(
        delete(LiveEvent).where(LiveEvent.id.in_(old)).returning(LiveEvent.id)
    )
    return len(deleted.all())


_NUMBERED = (
    LiveEvent.position,
    LiveEvent.topic,
    LiveEvent.subject_id,
    LiveEvent.audience,
    LiveEvent.data,
)


def _position(event: NumberedEvent) -> int:
    return event.position
