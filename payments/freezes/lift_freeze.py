"""Lifts a freeze: one person asks for it, another one does it."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.access.four_eyes import require_second_person
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.freezes.freeze_releases import newest_entry
from payments.freezes.tables import Freeze
from payments.idempotency import Answered
from payments.log_lines import get_logger

OPERATION = "releases.unfreeze"

_log = get_logger(__name__)


def lift_freeze(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    freeze_id: str | None,
    reason: str,
    now: dt.datetime,
) -> Answered[Freeze]:
    """Ask to lift a freeze, or lift it if somebody else asked before; once per reference.

    Without a `freeze_id` the only one in force is meant.

    Raises:
        InvalidRequestError: the reason is empty, or several freezes are in force and none is named.
        NotFoundError: there is no such freeze, or none in force.
        ConflictError: it is lifted (`freeze_lifted`), or the caller asked for it before
            (`second_person_needed`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    if not reason.strip():
        raise InvalidRequestError("Say why.", errors={"reason": ["Say why."]})
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"reason": reason, "freeze_id": freeze_id}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(Freeze, claim.replayed_id), replayed=True)
    freeze = _find(session, freeze_id)
    if freeze.lifted_at is not None:
        raise ConflictError("It was lifted already.", code="freeze_lifted")
    if freeze.lift_requested_by is None:
        freeze.lift_reason = reason
        freeze.lift_requested_by, freeze.lift_requested_at = caller.person, now
    else:
        require_second_person(
            session,
            caller,
            first=freeze.lift_requested_by,
            detail="You asked to lift it; somebody else must do it.",
        )
        newest = newest_entry(session)
        freeze.lifted_by, freeze.lifted_at, freeze.lifted_after = caller.person, now, newest
    session.flush()
    idempotency.finish(session, claim, resource_id=freeze.id, now=now)
    _log.warning(
        "freeze_lifted" if freeze.lifted_at else "freeze_lift_requested",
        freeze_id=freeze.id,
        by=caller.person,
        reason=reason,
    )
    return Answered(freeze, replayed=False)


def _find(session: Session, freeze_id: str | None) -> Freeze:
    if freeze_id is not None:
        named = session.get(Freeze, freeze_id, with_for_update=True)
        if named is None:
            raise NotFoundError("There is no such freeze.")
        return named
    in_force = select(Freeze).where(Freeze.lifted_at.is_(None)).order_by(Freeze.id)
    found = session.scalars(in_force.with_for_update()).all()
    if not found:
        raise NotFoundError("No freeze is in force.")
    if len(found) > 1:
        ids = ", ".join(freeze.id for freeze in found)
        fault = {"freeze_id": [f"Name one of them: {ids}."]}
        raise InvalidRequestError("Several freezes are in force.", errors=fault)
    return found[0]
