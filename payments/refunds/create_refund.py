"""Gives money of a payment back to its buyer, in part or whole: intent, call, outcome.

What is asked for is reserved in the order's escrow before the provider is called, so that it can be
neither released nor given back twice meanwhile. On chain there is nobody to call: what is to be
sent is queued together with the hold.
"""

import datetime as dt

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from ledger.errors import InsufficientFundsError
from payments import idempotency
from payments.access.caller import Caller
from payments.accounting.givebacks import Giveback, hold_in_escrow
from payments.calls import open_calls
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.idempotency import Answered, Claim
from payments.identifiers import new_id
from payments.lifecycle.stages import CHARGED, Status
from payments.lifecycle.tables import Payment, Refund
from payments.lifecycle.view import RefundView
from payments.orders.tables import Order
from payments.providers.connect import Providers
from payments.providers.ports import RefundReason
from payments.refunds.make_refund import (
    OPERATION,
    Begun,
    begun_of,
    make_refund,
    view_of,
)
from payments.refunds.refund_on_chain import lock_escrow, queue_refund
from payments.standstill.forgotten import claim_refund

CLAIM = "payments.refunds.create"


def create_refund(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    payment_id: str,
    amount: int | None,
    reason: RefundReason | None,
    now: dt.datetime,
    providers: Providers,
) -> Answered[RefundView]:
    """Give back `amount` minor units, or all that is left (None), once per reference.

    Of a payment with a refund of this amount that a restore had forgotten, the first request gets
    that one: it may be the one that was forgotten, sent again.

    Raises:
        NotFoundError: there is no such payment, or it is not the caller's.
        InvalidRequestError: the amount is zero, or the reference is malformed.
        ConflictError: nothing was paid (`payment_not_refundable`), it is disputed
            (`payment_disputed`), less is left (`refund_exceeds_payment`), or what is left was
            released to the seller (`funds_released`). Also when the provider refuses.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: the provider gave no clear answer; the same request again finds out.
    """
    if amount is not None and amount < 1:
        fault = {"amount": ["Refund at least 1; leave it out to refund all that is left."]}
        raise InvalidRequestError("The amount is not valid.", errors=fault)

    def prepare(session: Session) -> Begun | Answered[RefundView]:
        asked = None if amount is None else str(amount)
        content = {"payment_id": payment_id, "amount": asked, "reason": reason}
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=CLAIM,
            reference=reference,
            fingerprint=idempotency.fingerprint(content),
            now=now,
        )
        if claim.replayed_id is not None:
            return Answered(view_of(session, claim.replayed_id), replayed=True)
        payment, order = _lock(session, caller, payment_id)
        if claim.resource_id is not None:
            return _resume(session, payment, claim.resource_id, now=now)
        if amount is not None:
            forgotten = claim_refund(session, payment_id=payment_id, amount=amount, by=reference)
            if forgotten is not None:
                idempotency.finish(session, claim, resource_id=forgotten, now=now)
                return Answered(view_of(session, forgotten), replayed=True)
        escrow = lock_escrow(session, payment) if payment.rail == "crypto" else None
        refund = _reserve(session, payment, order, amount=amount, reason=reason, now=now)
        idempotency.set_resource(session, claim, resource_id=refund.id)
        if escrow is None:
            return _begin(session, claim, payment, refund, now=now)
        queue_refund(session, refund, escrow, now=now, providers=providers)
        idempotency.finish(session, claim, now=now)
        return Answered(view_of(session, refund.id), replayed=False)

    begun = in_transaction(engine, prepare)
    if isinstance(begun, Answered):
        reach("refund.queued")
        return begun
    reach("refund.intent_committed")
    return Answered(make_refund(engine, begun, now=now, providers=providers), replayed=False)


# ---- before the call ---------------------------------------------------------------------------


def _lock(session: Session, caller: Caller, payment_id: str) -> tuple[Payment, Order]:
    payment = session.get(Payment, payment_id, with_for_update={"key_share": True})
    if payment is None:
        raise NotFoundError("There is no such payment.")
    order = session.get_one(Order, payment.order_id, with_for_update={"key_share": True})
    if not caller.sees_everyone:
        raise NotFoundError("There is no such payment.")
    return payment, order


def _reserve(
    session: Session,
    payment: Payment,
    order: Order,
    *,
    amount: int | None,
    reason: RefundReason | None,
    now: dt.datetime,
) -> Refund:
    """Write the refund, and hold its money."""
    amount = _refundable(session, payment, amount)
    refund = Refund(
        id=new_id("rfd", now=now),
        payment_id=payment.id,
        provider=payment.provider,
        origin="api",
        amount=amount,
        currency=payment.currency,
        status="pending",
        reason=reason,
        occurred_at=now,
        booked="held",
        created_at=now,
        updated_at=now,
    )
    refund.hold_id = _hold(session, refund, order, now=now)
    session.add(refund)
    session.flush()
    return refund


def _begin(
    session: Session, claim: Claim, payment: Payment, refund: Refund, *, now: dt.datetime
) -> Begun:
    call = open_calls.begin(
        session,
        payment_id=payment.id,
        operation=OPERATION,
        request={"refund_id": refund.id},
        claim=claim,
        subject_id=refund.id,
        now=now,
    )
    return begun_of(payment, refund, call)


def _refundable(session: Session, payment: Payment, amount: int | None) -> int:
    """Return how much is to go back, if that much is left."""
    if Status(payment.status) not in CHARGED or payment.provider_ref is None:
        raise ConflictError(
            f"The payment is {payment.status}; only what was paid can be refunded.",
            code="payment_not_refundable",
        )
    if payment.status == Status.DISPUTED:
        raise ConflictError(
            "The buyer's bank disputes this payment; answer the dispute instead.",
            code="payment_disputed",
        )
    going = select(Refund).filter_by(payment_id=payment.id, receipt_id=None)
    gone = sum(
        refund.amount
        for refund in session.scalars(going)
        if refund.status in ("pending", "succeeded")
    )
    left = payment.amount_captured - gone
    wanted = left if amount is None else amount
    if left == 0 or wanted > left:
        fault = f"At most {left} is left to refund." if left else "All of it was refunded before."
        raise ConflictError(
            "The refund is more than what is left of the payment.",
            code="refund_exceeds_payment",
            errors={"amount": [fault]},
        )
    return wanted


def _hold(session: Session, refund: Refund, order: Order, *, now: dt.datetime) -> int:
    giveback = Giveback(
        id=refund.id,
        payment_id=refund.payment_id,
        order_id=order.id,
        seller_id=order.seller_id,
        provider=refund.provider,
        amount=refund.amount,
        currency=refund.currency,
        hold_id=None,
        owed=0,
    )
    try:
        return hold_in_escrow(session.connection(), giveback, amount=refund.amount, now=now)
    except InsufficientFundsError as error:
        raise ConflictError(
            "Less than that is still held for the order: the rest was released to the seller.",
            code="funds_released",
            errors={"amount": ["Refund no more than is still held for the order."]},
        ) from error


def _resume(session: Session, payment: Payment, refund_id: str, *, now: dt.datetime) -> Begun:
    """Go on with a refund whose earlier request did not learn its outcome."""
    call = open_calls.find_of_subject(session, subject_id=refund_id, operation=OPERATION)
    open_calls.resume(call, now=now)
    return begun_of(payment, session.get_one(Refund, refund_id), call)
