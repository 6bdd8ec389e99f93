"""A person takes money that waits in suspense into the payment that it was sent for."""

import datetime as dt

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import NotFoundError
from payments.idempotency import Answered
from payments.lifecycle.apply_receipt import apply_receipt
from payments.lifecycle.tables import BankReceipt, Payment
from payments.lifecycle.view import PaymentView, view_payment

OPERATION = "reconciliation.apply"


def match_receipt(
    session: Session, *, caller: Caller, reference: str, receipt_id: str, now: dt.datetime
) -> Answered[PaymentView]:
    """Charge the payment of a receipt with what waits for it; once per reference.

    Raises:
        NotFoundError: there is no such receipt.
        ConflictError: nothing of it waits, it is too little, or its payment or order is over.
        InProgressError, ReferenceReusedError.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"receipt_id": receipt_id}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(_payment_of(session, receipt_id), replayed=True)
    payment = apply_receipt(
        session, receipt_id=receipt_id, cause=f"api:match by {caller.principal}", now=now
    )
    idempotency.finish(session, claim, resource_id=receipt_id, now=now)
    return Answered(payment, replayed=False)


def _payment_of(session: Session, receipt_id: str) -> PaymentView:
    receipt = session.get(BankReceipt, receipt_id)
    if receipt is None:
        raise NotFoundError("There is no such receipt.")
    return view_payment(session.get_one(Payment, receipt.payment_id))
