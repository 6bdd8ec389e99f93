"""Gives dead letters another try: one, some, or all of a kind; what they do happens once.

An event goes through the door of all events again, a job runs as if it were new, a notice is sent
with the id it always had.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.dead_letters.letters import EVENT, JOB, NOTICE, numbers_of
from payments.dead_letters.rows import ROWS
from payments.dead_letters.tables import DeadLetterReplay
from payments.delivery.tables import OutboxRow
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.notices import wake_up as notices_wake_up
from payments.notices.tables import NoticeDelivery, NoticeEndpoint
from payments.webhooks.make_new import make_new
from payments.webhooks.tables import InboxEvent

MAX_IDS = 1_000
MAX_AT_ONCE = 10_000
"""Of all of a kind, so many at once, the oldest first: then ask again."""


@dataclass(frozen=True)
class WantedLetters:
    """Which dead letters of a kind: those of `ids`, or all when that is None."""

    kind: str
    ids: tuple[str, ...] | None = None


def replay_dead(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    wanted: WantedLetters,
    reason: str,
    now: dt.datetime,
) -> Answered[DeadLetterReplay]:
    """Have dead letters tried again, once per reference.

    Those that live again by now, or cannot be tried (payload gone, endpoint disabled), are counted
    as skipped. One that was discarded is tried again when its id is named.

    Raises:
        InvalidRequestError: ids are not of the kind.
        InProgressError, ReferenceReusedError.
    """
    ids = None if wanted.ids is None else sorted(set(wanted.ids))
    content = {"kind": wanted.kind, "ids": ids}
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation="dead_letters.replay",
        reference=reference,
        fingerprint=idempotency.fingerprint(content),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(DeadLetterReplay, claim.replayed_id), replayed=True)
    numbers = None if ids is None else numbers_of(wanted.kind, ids)
    accepted, found = _revive(session, wanted.kind, numbers, now=now)
    made = DeadLetterReplay(
        id=new_id("dlr", now=now),
        kind=wanted.kind,
        accepted=accepted,
        skipped=(found if numbers is None else len(numbers)) - accepted,
        reason=reason,
        requested_by=caller.person,
        created_at=now,
    )
    session.add(made)
    session.flush()
    idempotency.finish(session, claim, resource_id=made.id, now=now)
    return Answered(made, replayed=False)


def _revive(
    session: Session, kind: str, numbers: list[int] | None, *, now: dt.datetime
) -> tuple[int, int]:
    """Return how many live again, and how many dead ones were looked at."""
    if kind == EVENT:
        return _revive_events(session, numbers, now=now)
    if kind == JOB:
        return _revive_jobs(session, numbers, now=now)
    return _revive_notices(session, numbers, now=now)


def _revive_events(
    session: Session, numbers: list[int] | None, *, now: dt.datetime
) -> tuple[int, int]:
    is_kept = InboxEvent.payload_encrypted.is_not(None)
    dead = _locked(session, EVENT, numbers, is_kept.desc())
    return make_new(session, dead, now=now), len(dead)


def _revive_jobs(
    session: Session, numbers: list[int] | None, *, now: dt.datetime
) -> tuple[int, int]:
    dead = _locked(session, JOB, numbers)
    revived = session.scalars(
        update(OutboxRow)
        .where(OutboxRow.id.in_(dead))
        .values(
            state="waiting",
            attempts=0,
            due_at=now,
            error=None,
            finished_at=None,
            discard_id=None,
            coalesce_key=None,  # another one may wait under it by now
        )
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(revived), len(dead)


def _revive_notices(
    session: Session, numbers: list[int] | None, *, now: dt.datetime
) -> tuple[int, int]:
    enabled = select(NoticeEndpoint.id).where(NoticeEndpoint.status == "enabled")
    is_enabled = NoticeDelivery.endpoint_id.in_(enabled)
    dead = _locked(session, NOTICE, numbers, is_enabled.desc())
    revived = session.scalars(
        update(NoticeDelivery)
        .where(NoticeDelivery.number.in_(dead), is_enabled)
        .values(state="waiting", attempts=0, due_at=now, lease_token=None, discard_id=None)
        .returning(NoticeDelivery.number)
        .execution_options(synchronize_session=False)
    ).all()
    if revived:
        notices_wake_up.wake_up(session, now=now)
    return len(revived), len(dead)


def _locked(
    session: Session, kind: str, numbers: list[int] | None, *first: ColumnElement[bool]
) -> Sequence[int]:
    """Return which are dead; what was discarded only comes back when it is named.

    Those that can be tried come `first`: however many others there are, they are in nobody's way.
    """
    rows = ROWS[kind]
    wanted = rows.dead(discarded=False) if numbers is None else rows.number.in_(numbers)
    query = select(rows.number).where(rows.is_dead, wanted)
    query = query.order_by(*first, rows.number)
    return session.scalars(query.limit(MAX_AT_ONCE).with_for_update(of=rows.table)).all()
