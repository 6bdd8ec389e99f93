"""The stable reference: what a caller asked for once happens once, however often it is sent.

A reference is unique for ever per caller and operation. It ends as `finish`ed and is answered
with the same resource from then on, or it is `release`d when the request was refused.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, TextClause, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.audit.deed import note_subjects
from payments.audit.write_deeds import note_replay
from payments.database import Base
from payments.errors import InProgressError, InvalidRequestError, ReferenceReusedError
from payments.privacy.encryption import FieldCipher

LEASE = dt.timedelta(seconds=45)  # above what a provider's call may take, below a minute
_RETRY_AFTER_S = 1
_REFERENCE = re.compile(r"[\x21-\x7e]{1,255}")

_Resource = TypeVar("_Resource")


class IdempotencyKey(Base):
    """A caller's `reference` for one operation: unique for ever, with the request's fingerprint.

    `resource_id` is set together with the resource's row; `finished_at` when the request is
    answered; `locked_until` says how long a request still running keeps others out.
    """

    __tablename__ = "idempotency_keys"

    principal: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    resource_id: Mapped[str | None]
    locked_until: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]


@dataclass(frozen=True)
class Answered(Generic[_Resource]):
    """What a use case made, and whether it was made by an earlier request like this one."""

    resource: _Resource
    replayed: bool


class ClaimKind(StrEnum):
    """What the reference's history asks the use case to do."""

    NEW = "new"
    RESUME = "resume"  # an earlier run crashed, or could not learn its outcome
    REPLAY = "replay"


@dataclass(frozen=True)
class Claim:
    """A reference held by this request; `resource_id` is what an earlier run made."""

    principal: str
    operation: str
    reference: str
    kind: ClaimKind
    resource_id: str | None = None

    @property
    def replayed_id(self) -> str | None:
        """The finished resource to answer with again, or None when there is work to do."""
        return self.resource_id if self.kind is ClaimKind.REPLAY else None


def fingerprint(content: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of the request's content, the same for every order of its keys.

    Raises:
        TypeError: for a float or anything else that has no one JSON form.
    """
    _refuse_floats(content)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).digest()


def keyed_fingerprints(content: Mapping[str, Any], *, cipher: FieldCipher) -> dict[str, Any]:
    """Return the fingerprint of content with personal data, and its `accepted` ones, for `claim`.

    It is keyed: a plain hash of a name or an account number is found out by trying them all.
    """
    first, *others = cipher.fingerprints(fingerprint(content))
    return {"fingerprint": first, "accepted": others}


def forget_fingerprints(session: Session, *, operation: str, resource_ids: Sequence[str]) -> None:
    """Have nothing left of what was asked for when these things were made.

    Their references stay taken; who sends one again is told that the content is another.
    """
    session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.operation == operation)
        .where(IdempotencyKey.resource_id.in_(resource_ids))
        .values(fingerprint=bytes(hashlib.sha256().digest_size))
    )


def claim(
    session: Session,
    *,
    principal: str,
    operation: str,
    reference: str,
    fingerprint: bytes,
    accepted: Sequence[bytes] = (),
    resource_id: str | None = None,
    now: dt.datetime,
) -> Claim:
    """Take the reference for this request, for 45 seconds at most, or learn what it made before.

    `resource_id` is what a new request will make in this transaction, when that is chosen already;
    else say so by `set_resource`. `accepted` are other fingerprints of the same content, under
    which an earlier request with it may have been noted (see `keyed_fingerprints`).

    Raises:
        InvalidRequestError: when the reference is not 1 to 255 visible ASCII characters.
        InProgressError: when an earlier request with it is still running.
        ReferenceReusedError: when it was used with other content.
    """
    if not _REFERENCE.fullmatch(reference):
        fault = "Use 1 to 255 visible ASCII characters."
        raise InvalidRequestError("The reference is not valid.", errors={"reference": [fault]})
    named = {"principal": principal, "operation": operation, "reference": reference}
    taken = {**named, "fingerprint": fingerprint, "resource_id": resource_id, "now": now}
    taken["locked_until"] = now + LEASE
    if session.execute(_INSERT, taken).first() is not None:
        return Claim(**named, kind=ClaimKind.NEW)
    row = session.execute(_LOCK, named).one()
    kind = _kind_of(row, fingerprints=(fingerprint, *accepted), now=now)
    if kind is ClaimKind.REPLAY:
        note_replay(session)
        note_subjects([str(row.resource_id)])  # the request names only what it wanted it from
    else:
        session.execute(_TAKE_AGAIN, taken)
    return Claim(**named, kind=kind, resource_id=row.resource_id)


def set_resource(session: Session, claimed: Claim, *, resource_id: str) -> None:
    """Note what the request makes, where it is not finished in the transaction that makes it."""
    session.execute(_SET_RESOURCE, {**_name_of(claimed), "resource_id": resource_id})


def finish(
    session: Session, claimed: Claim, *, resource_id: str | None = None, now: dt.datetime
) -> None:
    """Close the reference: it is answered with its resource from now on.

    That is `resource_id`, or the one that was set before.
    """
    session.execute(_FINISH, {**_name_of(claimed), "resource_id": resource_id, "now": now})


def suspend(session: Session, claimed: Claim) -> None:
    """Give the lease back but keep the resource: the next request like this one goes on with it."""
    session.execute(_SUSPEND, _name_of(claimed))


def release(session: Session, claimed: Claim) -> None:
    """Give the reference back unused: a corrected request may carry it again."""
    session.execute(_RELEASE, _name_of(claimed))


# Plain statements, none of which reads a row first: every request that changes something comes by.
_INSERT = text("""
    INSERT INTO strongroom.idempotency_keys
           (principal, operation, reference, fingerprint, resource_id, locked_until, created_at)
    VALUES (:principal, :operation, :reference, :fingerprint, :resource_id, :locked_until, :now)
        ON CONFLICT DO NOTHING
 RETURNING reference
""")
_LOCK = text("""
    SELECT fingerprint, resource_id, locked_until, finished_at FROM strongroom.idempotency_keys
     WHERE (principal, operation, reference) = (:principal, :operation, :reference)
       FOR UPDATE
""")


def _update(changes: str) -> TextClause:
    return text(
        f"UPDATE strongroom.idempotency_keys SET {changes}"  # noqa: S608 - the texts are below
        " WHERE (principal, operation, reference) = (:principal, :operation, :reference)"
    )


_TAKE_AGAIN = _update(
    "fingerprint = :fingerprint, locked_until = :locked_until,"
    " resource_id = COALESCE(resource_id, :resource_id)"
)
_SET_RESOURCE = _update("resource_id = :resource_id")
_FINISH = _update(
    "finished_at = :now, locked_until = NULL, resource_id = COALESCE(:resource_id, resource_id)"
)
_SUSPEND = _update("locked_until = NULL")
_RELEASE = _update("locked_until = NULL, resource_id = NULL")


def _name_of(claimed: Claim) -> dict[str, Any]:
    return {
        "principal": claimed.principal,
        "operation": claimed.operation,
        "reference": claimed.reference,
    }


def _kind_of(row: Row[Any], *, fingerprints: Sequence[bytes], now: dt.datetime) -> ClaimKind:
    is_released = (row.resource_id, row.locked_until, row.finished_at) == (None, None, None)
    if is_released:
        return ClaimKind.NEW
    if row.fingerprint not in fingerprints:
        raise ReferenceReusedError(
            "This reference was used before with other content; choose a new one."
        )
    if row.finished_at is not None:
        return ClaimKind.REPLAY
    if row.locked_until is not None and row.locked_until > now:
        raise InProgressError(
            "The first request with this reference is still running.", retry_after_s=_RETRY_AFTER_S
        )
    return ClaimKind.RESUME


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a request's content holds no floats")
    if isinstance(value, Mapping):
        for part in value.values():
            _refuse_floats(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_floats(part)
