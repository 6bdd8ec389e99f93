"""Lists dead letters of every kind alike: what it was, what went wrong, how often it was tried.

Those that were discarded are a list of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from payments.dead_letters.letters import (
    EVENT,
    JOB,
    KINDS,
    NOTICE,
    DeadLetter,
    from_event,
    from_job,
    from_notice,
    parse_id,
)
from payments.dead_letters.rows import ROWS
from payments.dead_letters.tables import DeadLetterDiscard
from payments.delivery.tables import OutboxRow
from payments.notices.tables import Notice, NoticeDelivery, NoticeEndpoint
from payments.webhooks.tables import InboxEvent

_DISCARD = (
    DeadLetterDiscard.requested_by.label("discarded_by"),
    DeadLetterDiscard.created_at.label("discarded_at"),
    DeadLetterDiscard.reason.label("discard_reason"),
)


@dataclass(frozen=True)
class DeadLetterPage:
    """Events first, then jobs, then notices, each newest first; `counts` is of all there are."""

    data: Sequence[DeadLetter]
    counts: Mapping[str, int]
    next: str | None


def list_dead(
    session: Session,
    *,
    limit: int,
    kind: str | None = None,
    after: str | None = None,
    discarded: bool = False,
) -> DeadLetterPage:
    """Return up to `limit` dead letters, of a kind or of all, from behind the cursor `after` on.

    Those that were discarded are left out; or with `discarded` they are what is listed and counted.

    Raises:
        InvalidRequestError: `after` is no cursor of this list.
    """
    behind = None if after is None else parse_id(after, field="after")
    kinds = KINDS if kind is None else (kind,)
    found: list[DeadLetter] = []
    for one in kinds:
        if behind is not None and KINDS.index(one) < KINDS.index(behind[0]):
            continue
        wanted = ROWS[one].dead(discarded=discarded)
        if behind is not None and behind[0] == one:
            wanted &= ROWS[one].number < behind[1]
        found += _of_kind(session, one, wanted, limit=limit + 1 - len(found))
        if len(found) > limit:
            break
    data = found[:limit]
    return DeadLetterPage(
        data,
        count_dead(session, discarded=discarded),
        next=data[-1].id if len(found) > limit else None,
    )


def count_dead(session: Session, *, discarded: bool = False) -> dict[str, int]:
    """Return how many dead letters of each kind there are, or how many were discarded."""
    counted = (
        select(func.count())
        .select_from(rows.table)
        .where(rows.dead(discarded=discarded))
        .scalar_subquery()
        for rows in ROWS.values()
    )
    return dict(zip(ROWS, session.execute(select(*counted)).one(), strict=True))


def find_dead(session: Session, *, kind: str, number: int) -> DeadLetter | None:
    """Return a dead letter, discarded or not; None when there is none, or it is not dead."""
    rows = ROWS[kind]
    wanted = rows.dead(discarded=None) & (rows.number == number)
    return next(iter(_of_kind(session, kind, wanted, limit=1)), None)


def _of_kind(
    session: Session, kind: str, wanted: ColumnElement[bool], *, limit: int
) -> list[DeadLetter]:
    rows = ROWS[kind]
    select_all, read = {
        EVENT: (_events, from_event),
        JOB: (_jobs, from_job),
        NOTICE: (_notices, from_notice),
    }[kind]
    query = (
        select_all()
        .outerjoin(DeadLetterDiscard, DeadLetterDiscard.id == rows.discard_id)
        .where(wanted)
        .order_by(rows.number.desc())
        .limit(limit)
    )
    return [read(row) for row in session.execute(query)]


def _events() -> Select[*tuple[Any, ...]]:
    return select(
        InboxEvent.id,
        InboxEvent.event_type,
        InboxEvent.provider,
        InboxEvent.event_id,
        InboxEvent.error,
        InboxEvent.attempts,
        InboxEvent.received_at,
        InboxEvent.finished_at,
        InboxEvent.request_id,
        InboxEvent.payload_encrypted.is_not(None).label("is_kept"),
        InboxEvent.discard_id,
        *_DISCARD,
    ).select_from(InboxEvent)


def _jobs() -> Select[*tuple[Any, ...]]:
    return select(
        OutboxRow.id,
        OutboxRow.job,
        OutboxRow.error,
        OutboxRow.attempts,
        OutboxRow.created_at,
        OutboxRow.finished_at,
        OutboxRow.request_id,
        OutboxRow.discard_id,
        *_DISCARD,
    ).select_from(OutboxRow)


def _notices() -> Select[*tuple[Any, ...]]:
    return (
        select(
            NoticeDelivery.number,
            NoticeDelivery.endpoint_id,
            NoticeDelivery.notice_id,
            NoticeDelivery.last_error,
            NoticeDelivery.last_status,
            NoticeDelivery.attempts,
            NoticeDelivery.created_at,
            NoticeDelivery.last_attempt_at,
            NoticeDelivery.discard_id,
            Notice.type,
            NoticeEndpoint.status,
            *_DISCARD,
        )
        .select_from(NoticeDelivery)
        .join(Notice, Notice.id == NoticeDelivery.notice_id)
        .join(NoticeEndpoint, NoticeEndpoint.id == NoticeDelivery.endpoint_id)
    )
