"""Gives money back that no order got: what waits in suspense of a receipt, all of it.

What is asked for is taken off the receipt before the provider is called, so that it can neither
complete a payment nor be given back twice meanwhile.
"""

import datetime as dt

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.calls import open_calls
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import ConflictError, NotFoundError
from payments.idempotency import Answered, Claim
from payments.identifiers import new_id
from payments.lifecycle.shares import suspended
from payments.lifecycle.tables import BankReceipt, Payment, Refund
from payments.lifecycle.view import RefundView
from payments.orders.tables import Order
from payments.providers.connect import Providers
from payments.refunds.make_refund import OPERATION, Begun, begun_of, make_refund, view_of

CLAIM = "payments.refunds.receipt"


def refund_receipt(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    receipt_id: str,
    now: dt.datetime,
    providers: Providers,
) -> Answered[RefundView]:
    """Give back all of a receipt that waits in suspense, once per reference.

    The provider gives it back as a refund of its payment: of money that it did not carry itself,
    such as a transfer the payer made of their own, it may refuse that; see `returned_by_hand`.

    Raises:
        NotFoundError: there is no such receipt.
        ConflictError: nothing of it waits (`receipt_not_suspended`), or the provider refuses.
        InvalidRequestError: the reference is malformed, or the provider refuses.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: the provider gave no clear answer; the same request again finds out.
    """

    def prepare(session: Session) -> Begun | Answered[RefundView]:
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=CLAIM,
            reference=reference,
            fingerprint=idempotency.fingerprint({"receipt_id": receipt_id}),
            now=now,
        )
        if claim.replayed_id is not None:
            return Answered(view_of(session, claim.replayed_id), replayed=True)
        payment, receipt = lock_receipt(session, receipt_id)
        if claim.resource_id is not None:
            return _resume(session, payment, claim.resource_id, now=now)
        return _begin(session, claim, payment, receipt, now=now)

    begun = in_transaction(engine, prepare)
    if isinstance(begun, Answered):
        return begun
    reach("refund.intent_committed")
    return Answered(make_refund(engine, begun, now=now, providers=providers), replayed=False)


def lock_receipt(session: Session, receipt_id: str) -> tuple[Payment, BankReceipt]:
    """Lock a receipt's payment, its order and itself, in that order.

    Raises:
        NotFoundError: there is no such receipt.
    """
    found = session.get(BankReceipt, receipt_id)
    if found is None:
        raise NotFoundError("There is no such receipt.")
    payment = session.get_one(Payment, found.payment_id, with_for_update={"key_share": True})
    session.get_one(Order, payment.order_id, with_for_update={"key_share": True})
    session.refresh(found, with_for_update=True)
    return payment, found


def take_off(
    session: Session,
    payment: Payment,
    receipt: BankReceipt,
    *,
    amount: int,
    reason: str | None,
    now: dt.datetime,
) -> Refund:
    """Take `amount` minor units off what waits of a receipt, as a refund that is pending."""
    refund = Refund(
        id=new_id("rfd", now=now),
        payment_id=payment.id,
        provider=payment.provider,
        origin="api",
        amount=amount,
        currency=receipt.currency,
        status="pending",
        reason=reason,
        occurred_at=now,
        booked="nothing",
        owed=0,
        receipt_id=receipt.id,
        created_at=now,
        updated_at=now,
    )
    receipt.amount_returned += amount
    receipt.updated_at = now
    session.add(refund)
    session.flush()
    return refund


def _begin(
    session: Session, claim: Claim, payment: Payment, receipt: BankReceipt, *, now: dt.datetime
) -> Begun:
    amount = suspended(receipt)
    if amount == 0:
        raise ConflictError(
            "Nothing of this money waits: its payment has it, or it went back.",
            code="receipt_not_suspended",
        )
    reason = "duplicate" if receipt.reason == "twice" else None
    refund = take_off(session, payment, receipt, amount=amount, reason=reason, now=now)
    call = open_calls.begin(
        session,
        payment_id=payment.id,
        operation=OPERATION,
        request={"refund_id": refund.id},
        claim=claim,
        subject_id=refund.id,
        now=now,
    )
    idempotency.set_resource(session, claim, resource_id=refund.id)
    return begun_of(payment, refund, call)


def _resume(session: Session, payment: Payment, refund_id: str, *, now: dt.datetime) -> Begun:
    """Go on with a refund whose earlier request did not learn its outcome."""
    call = open_calls.find_of_subject(session, subject_id=refund_id, operation=OPERATION)
    open_calls.resume(call, now=now)
    return begun_of(payment, session.get_one(Refund, refund_id), call)
