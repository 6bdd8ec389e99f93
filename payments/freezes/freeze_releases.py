"""Stops releases at once: all of them, or those of one order. One person is enough to do it."""

import datetime as dt

from sqlalchemy import Engine, func, select, table, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.crash_points import reach
from payments.database import in_transaction, is_rehearsal
from payments.errors import InvalidRequestError, NotFoundError, UnavailableError
from payments.freezes.releases_lock import wait_for_releases
from payments.freezes.tables import Freeze
from payments.idempotency import Answered, Claim
from payments.identifiers import new_id
from payments.log_lines import get_logger

OPERATION = "releases.freeze"

_LOCK_NOT_AVAILABLE = "55P03"
_ORDER = text("SELECT 1 FROM strongroom.orders WHERE id = :id")
_log = get_logger(__name__)


def freeze_releases(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    reason: str,
    order_id: str | None,
    now: dt.datetime,
) -> Answered[Freeze]:
    """Freeze all releases, or those of one order, once per reference.

    When it returns, every release that it covers was posted or sent before, or waits until it is
    lifted.

    Raises:
        InvalidRequestError: the reason is empty.
        NotFoundError: there is no such order.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: it is in force, but something that was being sent before has not ended;
            the same request again waits for it.
    """
    if not reason.strip():
        raise InvalidRequestError("Say why.", errors={"reason": ["Say why."]})

    def prepare(session: Session) -> tuple[Claim, Freeze]:
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint({"reason": reason, "order_id": order_id}),
            now=now,
        )
        if claim.resource_id is not None:
            return claim, session.get_one(Freeze, claim.resource_id)
        freeze = _write(session, caller=caller, reason=reason, order_id=order_id, now=now)
        idempotency.set_resource(session, claim, resource_id=freeze.id)
        return claim, freeze

    claim, freeze = in_transaction(engine, prepare)
    if claim.replayed_id is not None:
        return Answered(freeze, replayed=True)
    if is_rehearsal():  # nothing was written down that there would be something to wait for
        return Answered(freeze, replayed=False)
    reach("freeze.committed")
    try:
        in_force = in_transaction(engine, lambda session: _wait(session, claim, freeze.id, now=now))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        in_transaction(engine, lambda session: idempotency.suspend(session, claim))
        raise UnavailableError(
            f"{freeze.id} is in force, but a release that began before it has not ended."
        ) from error
    return Answered(in_force, replayed=False)


def newest_entry(session: Session) -> int:
    """Return the newest committed entry of the ledger; 0 when there is none."""
    entries = table("entries", schema="ledger")
    return session.scalar(select(func.max(text("id"))).select_from(entries)) or 0


def _write(
    session: Session, *, caller: Caller, reason: str, order_id: str | None, now: dt.datetime
) -> Freeze:
    if order_id is not None and session.execute(_ORDER, {"id": order_id}).first() is None:
        raise NotFoundError("There is no such order.")
    freeze = Freeze(
        id=new_id("frz", now=now),
        scope="all" if order_id is None else "order",
        order_id=order_id,
        reason=reason,
        created_by=caller.person,
        created_at=now,
    )
    session.add(freeze)
    session.flush()
    _log.warning(
        "releases_frozen",
        freeze_id=freeze.id,
        order_id=order_id,
        reason=reason,
        created_by=caller.person,
    )
    return freeze


def _wait(session: Session, claim: Claim, freeze_id: str, *, now: dt.datetime) -> Freeze:
    wait_for_releases(session)
    freeze = session.get_one(Freeze, freeze_id, with_for_update=True)
    if freeze.in_force_after is None:
        freeze.in_force_after = newest_entry(session)
    idempotency.finish(session, claim, now=now)
    return freeze
