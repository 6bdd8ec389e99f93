"""Adds a version of a secret, once per reference; those before it go on for a while.

Nothing that is right is refused meanwhile: what is made here begins to be used when every process
has it, and what a provider gives is known before it is answered.
"""

import datetime as dt
import secrets

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments import idempotency
from payments.errors import ConflictError, InvalidRequestError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.privacy.encryption import FieldCipher
from payments.secret_versions.environment import (
    environment_values,
    fingerprint,
    marks_of,
    note_environment,
)
from payments.secret_versions.given_values import checked_value
from payments.secret_versions.kinds import LEAD, LIMITS, LONGEST_OVERLAP, Kind
from payments.secret_versions.tables import COLUMN, STORED, TABLE, SecretVersion
from payments.settings import Settings

_VALUE_BYTES = 32
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('strongroom.secret_versions'))")


def rotate_secret(
    session: Session,
    kind: Kind,
    *,
    principal: str,
    person: str,
    reference: str,
    value: str | None = None,
    starts_at: dt.datetime | None = None,
    overlap: dt.timedelta | None = None,
    cipher: FieldCipher,
    settings: Settings,
    now: dt.datetime,
) -> Answered[SecretVersion]:
    """Add a version and return it; `overlap`: how long the others live on after it begins.

    `value` is for the kinds that somebody else makes. Without `overlap` it is the kind's own.

    Raises:
        InvalidRequestError: the value lacks, is not of this kind, or is not to be given; or it
            begins in the past; or the overlap is negative or over thirty days.
        ConflictError: too many versions are live, or this value was one before.
        InProgressError, ReferenceReusedError.
    """
    limits = LIMITS[kind]
    value = _value_of(kind, value, settings=settings)
    _check_times(starts_at, overlap, now=now)
    claim = idempotency.claim(
        session,
        principal=principal,
        operation="secrets.rotate",
        reference=reference,
        fingerprint=idempotency.fingerprint(
            {
                "kind": kind.value,
                "value": fingerprint(kind, value).hex() if limits.given else None,
                "starts_at": None if starts_at is None else starts_at.isoformat(),
                "overlap_s": None if overlap is None else int(overlap.total_seconds()),
            }
        ),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(SecretVersion, claim.replayed_id), replayed=True)
    before = _live_before(session, kind, settings=settings, now=now)
    _check_place(session, kind, value, before)
    begins = starts_at or (now if limits.given else now + LEAD)
    version_id = new_id("sec", now=now)
    version = SecretVersion(
        id=version_id,
        kind=kind.value,
        origin=STORED,
        value_encrypted=cipher.encrypt(value, table=TABLE, column=COLUMN, row_id=version_id),
        fingerprint=fingerprint(kind, value),
        starts_at=begins,
        created_by=person,
        created_at=now,
    )
    session.add(version)
    _end(before, begins, limits.overlap if overlap is None else overlap)
    session.flush()
    idempotency.finish(session, claim, resource_id=version_id, now=now)
    return Answered(version, replayed=False)


def _value_of(kind: Kind, value: str | None, *, settings: Settings) -> str:
    if LIMITS[kind].given:
        if value is None:
            raise InvalidRequestError(
                "The value lacks.", errors={"value": ["Whoever made this secret gives it."]}
            )
        return checked_value(kind, value, is_sandbox=settings.is_sandbox)
    if value is not None:
        raise InvalidRequestError(
            "This secret is made here.", errors={"value": ["Leave it out: nobody need know it."]}
        )
    return secrets.token_urlsafe(_VALUE_BYTES)


def _check_times(
    starts_at: dt.datetime | None, overlap: dt.timedelta | None, *, now: dt.datetime
) -> None:
    if starts_at is not None and not now - LEAD <= starts_at <= now + LONGEST_OVERLAP:
        raise InvalidRequestError(
            "It cannot begin then.", errors={"starts_at": ["Use now, or within thirty days."]}
        )
    if overlap is not None and not dt.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidRequestError(
            "Versions work side by side for thirty days at most.",
            errors={"overlap_s": ["Use 0 to 2592000 seconds."]},
        )


def _live_before(
    session: Session, kind: Kind, *, settings: Settings, now: dt.datetime
) -> list[SecretVersion]:
    """Return the versions that are live or will be, locked; the environment's are noted first."""
    session.execute(_ONE_AT_A_TIME)
    note_environment(session.connection(), marks_of(environment_values(settings)), now=now)
    versions = session.scalars(
        select(SecretVersion).where(SecretVersion.kind == kind.value).with_for_update()
    )
    return [version for version in versions if not version.has_ended(now)]


def _check_place(session: Session, kind: Kind, value: str, before: list[SecretVersion]) -> None:
    mark = fingerprint(kind, value)
    known = select(SecretVersion.id).where(
        SecretVersion.kind == kind.value, SecretVersion.fingerprint == mark
    )
    if session.scalar(known) is not None:
        raise ConflictError("This value is, or was, a version already: take a new one.")
    if len(before) >= LIMITS[kind].most_live:
        raise ConflictError(
            f"{len(before)} versions of {kind} are live or will be: revoke one of them first."
        )


def _end(versions: list[SecretVersion], begins: dt.datetime, overlap: dt.timedelta | None) -> None:
    if overlap is None:
        return
    for version in versions:
        ends = begins + overlap
        version.ends_at = ends if version.ends_at is None else min(version.ends_at, ends)
