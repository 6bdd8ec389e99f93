"""Approves or rejects a proposed destination: somebody else's word than the proposer's.

An approved one cools off before it is in force, so that a stolen account can be noticed in time;
meanwhile it can still be rejected.
"""

import datetime as dt
from typing import Literal

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.access.four_eyes import require_second_person
from payments.errors import ConflictError, NotFoundError
from payments.idempotency import Answered
from payments.log_lines import get_logger
from payments.payouts.destination_view import DestinationView, view_destination
from payments.payouts.tables import PayoutDestination
from payments.privacy.encryption import FieldCipher

Decision = Literal["approve", "reject"]

_log = get_logger(__name__)


def decide_destination(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    destination_id: str,
    decision: Decision,
    cooling: dt.timedelta,
    now: dt.datetime,
    cipher: FieldCipher,
) -> Answered[DestinationView]:
    """Approve a destination, in force after `cooling`, or reject it; once per reference.

    Raises:
        NotFoundError: there is no such destination.
        ConflictError: the caller proposed it (`second_person_needed`), or it was decided on before
            and is in force, or rejected, or its party was erased (`destination_decided`).
        InvalidRequestError, InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=f"destinations.{decision}",
        reference=reference,
        fingerprint=idempotency.fingerprint({"destination_id": destination_id}),
        now=now,
    )
    row = session.get(PayoutDestination, destination_id, with_for_update=True)
    if row is None or not caller.sees_everyone:
        raise NotFoundError("There is no such destination.")
    if claim.replayed_id is None:
        require_second_person(
            session,
            caller,
            first=row.proposed_by,
            detail="Who proposed a destination does not decide on it.",
        )
        _check(row, decision=decision, now=now)
        _note(row, caller=caller, decision=decision, cooling=cooling, now=now)
        session.flush()
        idempotency.finish(session, claim, resource_id=row.id, now=now)
    view = view_destination(row, caller=caller, cipher=cipher)
    return Answered(view, replayed=claim.replayed_id is not None)


def _check(row: PayoutDestination, *, decision: Decision, now: dt.datetime) -> None:
    if row.destination_encrypted is None:
        raise ConflictError("Its party was erased.", code="destination_decided")
    cools_off = row.active_from is not None and row.active_from > now
    if row.status == "proposed" or (decision == "reject" and cools_off):
        return
    since = "rejected" if row.status == "rejected" else "approved"
    raise ConflictError(f"The destination was {since} before.", code="destination_decided")


def _note(
    row: PayoutDestination,
    *,
    caller: Caller,
    decision: Decision,
    cooling: dt.timedelta,
    now: dt.datetime,
) -> None:
    row.status = "approved" if decision == "approve" else "rejected"
    row.active_from = now + cooling if decision == "approve" else None
    row.decided_by, row.decided_at = caller.person, now
    _log.info("destination_decided", destination_id=row.id, status=row.status, by=caller.person)
