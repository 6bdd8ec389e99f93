"""Lists dead letters of every kind alike: what it was, what went wrong, how often it was tried."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import Session

from payments.delivery.tables import OutboxRow
from payments.errors import InvalidRequestError
from payments.notices.tables import Notice, NoticeDelivery, NoticeEndpoint
from payments.webhooks.tables import InboxEvent

EVENT, JOB, NOTICE = "event", "job", "notice"
KINDS = (EVENT, JOB, NOTICE)
PREFIXES = {EVENT: "inb_", JOB: "obx_", NOTICE: "ntd_"}
_ID = re.compile(r"(inb|obx|ntd)_([1-9][0-9]{0,17})")

# As literals: PostgreSQL cannot match a prepared statement's parameter to a partial index.
IS_DEAD_EVENT = InboxEvent.state == literal_column("'dead'")
IS_DEAD_JOB = OutboxRow.state == literal_column("'dead'")
IS_DEAD_NOTICE = NoticeDelivery.state == literal_column("'failed'")


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One that is not tried any more; `what` is the type of the event or notice, or the job.

    `about` is the provider's id of the event, the id of the notice, or None; `source` the provider,
    or the endpoint. `can_replay` is False when what it takes is gone, and `hint` says why, or what
    the error usually means.
    """

    id: str
    kind: str
    what: str
    source: str | None
    about: str | None
    error: str | None
    attempts: int
    created_at: dt.datetime
    died_at: dt.datetime | None
    request_id: str | None
    can_replay: bool
    hint: str | None


@dataclass(frozen=True)
class DeadLetterPage:
    """Events first, then jobs, then notices, each newest first; `counts` is of all there are."""

    data: Sequence[DeadLetter]
    counts: Mapping[str, int]
    next: str | None


_HINTS: Mapping[str, str] = {
    "unknown_payment": "No payment of ours has this reference: it belongs to another system on the"
    " same account, or to a payment that was lost here.",
    "amount_differs": "The provider and we disagree about the amount. Look at both before anything"
    " else.",
    "currency_differs": "The provider and we disagree about the currency. Look at both.",
    "reference_differs": "The payment has another id at the provider. Look at both.",
    "MalformedEventError": "The provider's form has changed: a newer version is needed.",
    "DecryptionError": "The row was changed, or the key that wraps its data key is missing in"
    " ENCRYPTION_KEYSET.",
    "_NotSetUpError": "The settings do not name this provider any more.",
    "UnknownJobError": "This version has no such job: it was staged by another one.",
}
_GONE = "Its payload was kept long enough and is gone."
_DISABLED = "Its endpoint is disabled: enable it first."


def list_dead(
    session: Session, *, limit: int, kind: str | None = None, after: str | None = None
) -> DeadLetterPage:
    """Return up to `limit` dead letters, of a kind or of all, from behind the cursor `after` on.

    Raises:
        InvalidRequestError: `after` is no cursor of this list.
    """
    behind = None if after is None else parse_id(after, field="after")
    kinds = KINDS if kind is None else (kind,)
    found: list[DeadLetter] = []
    for one in kinds:
        if behind is not None and KINDS.index(one) < KINDS.index(behind[0]):
            continue
        below = behind[1] if behind is not None and behind[0] == one else None
        found += _of_kind(session, one, below=below, limit=limit + 1 - len(found))
        if len(found) > limit:
            break
    data = found[:limit]
    return DeadLetterPage(
        data, count_dead(session), next=data[-1].id if len(found) > limit else None
    )


def count_dead(session: Session) -> dict[str, int]:
    """Return how many dead letters of each kind there are."""
    conditions = {EVENT: IS_DEAD_EVENT, JOB: IS_DEAD_JOB, NOTICE: IS_DEAD_NOTICE}
    counts = session.execute(
        select(
            *(
                select(func.count()).where(condition).scalar_subquery()
                for condition in conditions.values()
            )
        )
    ).one()
    return dict(zip(conditions, counts, strict=True))


def parse_id(text: str, *, field: str) -> tuple[str, int]:
    """Return the kind and number that an id such as `inb_12` stands for.

    Raises:
        InvalidRequestError: it is none; `field` is what it was given as.
    """
    match = _ID.fullmatch(text)
    if match is None:
        raise InvalidRequestError(
            "There is no such dead letter.",
            errors={field: [f"Use ids of the list, such as inb_12, not {text[:40]!r}."]},
        )
    kinds = {prefix: kind for kind, prefix in PREFIXES.items()}
    return kinds[f"{match[1]}_"], int(match[2])


def find_dead(session: Session, *, kind: str, number: int) -> DeadLetter | None:
    """Return a dead letter; None when there is none, or it is not dead any more."""
    found = _of_kind(session, kind, below=number + 1, limit=1)
    return found[0] if found and found[0].id == f"{PREFIXES[kind]}{number}" else None


def _of_kind(session: Session, kind: str, *, below: int | None, limit: int) -> list[DeadLetter]:
    if kind == EVENT:
        return [_event(row) for row in session.execute(_events(below).limit(limit))]
    if kind == JOB:
        return [_job(row) for row in session.execute(_jobs(below).limit(limit))]
    return [_notice(row) for row in session.execute(_notices(below).limit(limit))]


def _events(below: int | None) -> Select[*tuple[Any, ...]]:
    query = select(
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
    ).where(IS_DEAD_EVENT)
    if below is not None:
        query = query.where(InboxEvent.id < below)
    return query.order_by(InboxEvent.id.desc())


def _jobs(below: int | None) -> Select[*tuple[Any, ...]]:
    query = select(
        OutboxRow.id,
        OutboxRow.job,
        OutboxRow.error,
        OutboxRow.attempts,
        OutboxRow.created_at,
        OutboxRow.finished_at,
        OutboxRow.request_id,
    ).where(IS_DEAD_JOB)
    if below is not None:
        query = query.where(OutboxRow.id < below)
    return query.order_by(OutboxRow.id.desc())


def _notices(below: int | None) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            NoticeDelivery.number,
            NoticeDelivery.endpoint_id,
            NoticeDelivery.notice_id,
            NoticeDelivery.last_error,
            NoticeDelivery.last_status,
            NoticeDelivery.attempts,
            NoticeDelivery.created_at,
            NoticeDelivery.last_attempt_at,
            Notice.type,
            NoticeEndpoint.status,
        )
        .join(Notice, Notice.id == NoticeDelivery.notice_id)
        .join(NoticeEndpoint, NoticeEndpoint.id == NoticeDelivery.endpoint_id)
        .where(IS_DEAD_NOTICE, NoticeEndpoint.status != "deleted")
    )
    if below is not None:
        query = query.where(NoticeDelivery.number < below)
    return query.order_by(NoticeDelivery.number.desc())


def _event(row: Any) -> DeadLetter:
    return DeadLetter(
        id=f"{PREFIXES[EVENT]}{row.id}",
        kind=EVENT,
        what=row.event_type,
        source=row.provider,
        about=row.event_id,
        error=row.error,
        attempts=row.attempts,
        created_at=row.received_at,
        died_at=row.finished_at,
        request_id=row.request_id,
        can_replay=row.is_kept,
        hint=_hint(row.error) if row.is_kept else _GONE,
    )


def _job(row: Any) -> DeadLetter:
    return DeadLetter(
        id=f"{PREFIXES[JOB]}{row.id}",
        kind=JOB,
        what=row.job,
        source=None,
        about=None,
        error=row.error,
        attempts=row.attempts,
        created_at=row.created_at,
        died_at=row.finished_at,
        request_id=row.request_id,
        can_replay=True,
        hint=_hint(row.error),
    )


def _notice(row: Any) -> DeadLetter:
    is_enabled = row.status == "enabled"
    error = row.last_error or (None if row.last_status is None else f"HTTP {row.last_status}")
    return DeadLetter(
        id=f"{PREFIXES[NOTICE]}{row.number}",
        kind=NOTICE,
        what=row.type,
        source=row.endpoint_id,
        about=row.notice_id,
        error=error,
        attempts=row.attempts,
        created_at=row.created_at,
        died_at=row.last_attempt_at,
        request_id=None,
        can_replay=is_enabled,
        hint=None if is_enabled else _DISABLED,
    )


def _hint(error: str | None) -> str | None:
    """Return what an error usually means; its first word says which it is."""
    return _HINTS.get((error or "").partition(":")[0])
