"""What a dead letter is, of whichever kind: its id, what it was, and what its error means."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from payments.errors import InvalidRequestError

EVENT, JOB, NOTICE = "event", "job", "notice"
KINDS = (EVENT, JOB, NOTICE)
PREFIXES = {EVENT: "inb_", JOB: "obx_", NOTICE: "ntd_"}
_ID = re.compile(r"(inb|obx|ntd)_([1-9][0-9]{0,17})")


@dataclass(frozen=True)
class Discarded:
    """That a dead letter was given up for good: `id` is the discard's, `by` who did it."""

    id: str
    by: str
    at: dt.datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One that is not tried any more; `what` is the type of the event or notice, or the job.

    `about` is the provider's id of the event, the id of the notice, or None; `source` the provider,
    or the endpoint. `can_replay` is False when what it takes is gone, and `hint` says why, or what
    the error usually means. `discarded` is by whom and why it was given up for good.
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
    discarded: Discarded | None


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


def numbers_of(kind: str, ids: Sequence[str]) -> list[int]:
    """Return the numbers that ids of a kind stand for.

    Raises:
        InvalidRequestError: one is none, or of another kind.
    """
    parsed = [parse_id(one, field="ids") for one in ids]
    if kind not in KINDS or any(found != kind for found, _ in parsed):
        raise InvalidRequestError(
            "These are not of one kind.", errors={"ids": [f"All must be of the kind {kind}."]}
        )
    return [number for _, number in parsed]


def from_event(row: Any) -> DeadLetter:
    """Return an event as a dead letter."""
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
        discarded=_discarded(row),
    )


def from_job(row: Any) -> DeadLetter:
    """Return a job as a dead letter."""
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
        discarded=_discarded(row),
    )


def from_notice(row: Any) -> DeadLetter:
    """Return a notice's delivery as a dead letter."""
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
        discarded=_discarded(row),
    )


def _discarded(row: Any) -> Discarded | None:
    if row.discard_id is None:
        return None
    return Discarded(row.discard_id, row.discarded_by, row.discarded_at, row.discard_reason)


def _hint(error: str | None) -> str | None:
    """Return what an error usually means; its first word says which it is."""
    return _HINTS.get((error or "").partition(":")[0])
