"""Begins a restore: from here on the database stands still, whatever PostgreSQL tells of itself."""

import datetime as dt

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.access.sessions import end_sessions
from payments.database import in_transaction, is_rehearsal
from payments.errors import ConflictError, InvalidRequestError, UnavailableError
from payments.freezes.releases_lock import wait_for_releases
from payments.idempotency import Answered, Claim
from payments.identifiers import new_id
from payments.log_lines import get_logger
from payments.restores.read_restores import find_open, read_history
from payments.restores.tables import Restore, RestoreFinding

OPERATION = "restores.begin"

TO_CHECK = {
    "api_keys": "API keys and secret versions that were revoked or rotated after the moment live"
    " again: compare `keys list` and `secrets list` with what you know, and revoke them anew.",
    "documents": "Invoices and credit notes issued after the moment were forgotten, with their"
    " numbers: see which your backend or buyers have, before new ones take the same numbers.",
    "audit_log": "The audit log ends at the moment: keep the newest anchor or export that you have"
    " from after it beside this restore.",
    "manual_work": "Decisions after the moment are forgotten: freezes, approved destinations,"
    " releases waiting for approval, adjustments, closed months. Make them anew.",
}
"""What no provider can tell, and a person has to look at before money moves again."""

LEAP = 1_000_000
"""So far positions of live events go on: pages have seen some that this database gives anew."""

_OLDEST = dt.timedelta(days=3652)
_LOCK_NOT_AVAILABLE = "55P03"
_LEAP = text("SELECT strongroom.leap_live_events(:leap)")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('strongroom.restores', 0))")
_log = get_logger(__name__)


def begin_restore(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    reason: str,
    restored_to: dt.datetime,
    now: dt.datetime,
) -> Answered[Restore]:
    """Note that this database was brought back to a moment, once per reference.

    `restored_to` may be earlier than the moment, never later: it is where the look at the providers
    begins. When it returns, nothing that was being sent before is still under way, everybody is
    signed out, and positions of live events have leapt past those that pages may have seen.

    Raises:
        InvalidRequestError: there is no reason, or the moment is in the future or ten years ago.
        ConflictError: one is going on already (`conflict`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: it is in force, but something that began before has not ended; the same
            request again waits for it.
    """
    if not reason.strip():
        raise InvalidRequestError("Say why.", errors={"reason": ["Say why."]})
    if not now - _OLDEST <= restored_to <= now:
        when = "in the future" if restored_to > now else "over ten years ago"
        fault = {"restored_to": [f"This is {when}."]}
        raise InvalidRequestError(f"The moment is {when}.", errors=fault)

    def prepare(session: Session) -> tuple[Claim, Restore]:
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint(
                {"reason": reason, "restored_to": restored_to.isoformat()}
            ),
            now=now,
        )
        if claim.resource_id is not None:
            return claim, session.get_one(Restore, claim.resource_id)
        restore = _write(session, caller, reason=reason, restored_to=restored_to, now=now)
        idempotency.set_resource(session, claim, resource_id=restore.id)
        return claim, restore

    claim, restore = in_transaction(engine, prepare)
    if claim.replayed_id is not None:
        return Answered(restore, replayed=True)
    if is_rehearsal():  # nothing was written down that there would be something to wait for
        return Answered(restore, replayed=False)
    _log.critical("restore_begun", restore_id=restore.id, by=caller.person, reason=reason)

    def wait(session: Session) -> None:
        wait_for_releases(session)
        idempotency.finish(session, claim, now=now)

    try:
        in_transaction(engine, wait)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        in_transaction(engine, lambda session: idempotency.suspend(session, claim))
        raise UnavailableError(
            f"{restore.id} is in force, but a release that began before it has not ended."
        ) from error
    return Answered(restore, replayed=False)


def _write(
    session: Session, caller: Caller, *, reason: str, restored_to: dt.datetime, now: dt.datetime
) -> Restore:
    session.execute(_ONE_AT_A_TIME)
    going_on = find_open(session)
    if going_on is not None:
        raise ConflictError(f"{going_on.id} is going on already.", code="conflict")
    identifier, timeline = read_history(session)
    restore = Restore(
        id=new_id("rst", now=now),
        reason=reason,
        restored_to=restored_to,
        status="begun",
        system_identifier=identifier,
        timeline=timeline,
        begun_by=caller.person,
        begun_at=now,
        figures={},
    )
    session.add(restore)
    session.flush()
    session.add_all(
        RestoreFinding(
            id=new_id("rsf", now=now),
            restore_id=restore.id,
            kind="to_check",
            provider="strongroom",
            provider_ref=what,
            status="open",
            detail=detail,
            found_at=now,
        )
        for what, detail in TO_CHECK.items()
    )
    session.flush()
    end_sessions(session, party_id=None, now=now)
    session.execute(_LEAP, {"leap": LEAP})
    return restore
