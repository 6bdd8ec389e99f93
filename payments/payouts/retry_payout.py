"""Lets an operator have a failed payout made again, once for each time it is asked for."""

import datetime as dt

from sqlalchemy.orm import Session

from ledger.errors import InsufficientFundsError
from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ConflictError, NotFoundError
from payments.idempotency import Answered
from payments.payouts.choose_destination import CANNOT_PAY_OUT
from payments.payouts.queue_payout import hold_and_queue
from payments.payouts.read_payouts import PayoutView, view_payout
from payments.payouts.tables import SellerPayout

CLAIM = "payments.payouts.retry"


def retry_payout(
    session: Session, *, caller: Caller, reference: str, payout_id: str, now: dt.datetime
) -> Answered[PayoutView]:
    """Hold what of a failed payout is owed and queue it, to the destination in force by then.

    Raises:
        NotFoundError: there is no such payout.
        InvalidRequestError: the reference is malformed.
        ConflictError: it has not failed (`payout_not_failed`), who has the money cannot pay it out
            (`provider_cannot_pay_out`), or it is not owed any more (`payout_not_owed`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=CLAIM,
        reference=reference,
        fingerprint=idempotency.fingerprint({"payout_id": payout_id}),
        resource_id=payout_id,
        now=now,
    )
    payout = session.get(SellerPayout, payout_id, with_for_update=True)
    if payout is None or not caller.sees_everyone:
        raise NotFoundError("There is no such payout.")
    if claim.replayed_id is not None:
        return Answered(view_payout(session, payout), replayed=True)
    if payout.status != "failed":
        detail = f"The payout is {payout.status}; only one that failed is made again."
        raise ConflictError(detail, code="payout_not_failed")
    if payout.provider in CANNOT_PAY_OUT:
        detail = f"{payout.provider} cannot pay out; pay the seller by hand."
        raise ConflictError(detail, code="provider_cannot_pay_out")
    try:
        hold_and_queue(session, payout, now=now)
    except InsufficientFundsError as error:
        detail = "Less than that is owed to the seller."
        raise ConflictError(detail, code="payout_not_owed") from error
    session.flush()
    idempotency.finish(session, claim, now=now)
    return Answered(view_payout(session, payout), replayed=False)
