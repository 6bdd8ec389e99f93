"""Takes money that waits in suspense into its payment, because a person says so.

So it is with what came late: the payment has expired, yet the order is still open.
"""

import datetime as dt

from sqlalchemy.orm import Session

from payments.errors import ConflictError, NotFoundError
from payments.lifecycle.givebacks import book_givebacks
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.locked_payments import lock_payment
from payments.lifecycle.receipts import charge_from_suspense, reckon_shares
from payments.lifecycle.shares import suspended, usable
from payments.lifecycle.tables import BankReceipt
from payments.lifecycle.view import PaymentView
from payments.lifecycle.write_changes import write_changes
from payments.orders.tables import Order


def apply_receipt(
    session: Session, *, receipt_id: str, cause: str, now: dt.datetime
) -> PaymentView:
    """Charge the payment that a receipt quotes, as part of the caller's transaction.

    What else waits for the same payment counts too; what it does not need goes on waiting. `cause`
    is who says so, for the payment's history.

    Raises:
        NotFoundError: there is no such receipt.
        ConflictError: the payment has its money (`payment_charged`), its order is not open any
            more (`order_not_open`), nothing of the receipt waits (`receipt_not_suspended`), or
            all that waits is less than the payment is due (`receipt_too_small`).
    """
    found = session.get(BankReceipt, receipt_id)
    if found is None:
        raise NotFoundError("There is no such receipt.")
    payment = lock_payment(session, found.payment_id)
    row = next(row for row in payment.receipts if row.id == receipt_id)
    _refuse(session, payment, row)
    charge_from_suspense(session, payment, row, occurred_at=now, cause=cause, now=now)
    reckon_shares(payment, now=now)
    book_givebacks(session, payment, occurred_at=now, now=now)
    payment.reckon(occurred_at=now, cause=cause, now=now)
    write_changes(session, [payment], now=now)
    return payment.view


def _refuse(session: Session, payment: LockedPayment, row: BankReceipt) -> None:
    if payment.is_charged:
        raise ConflictError("The payment has its money already.", code="payment_charged")
    if not suspended(row):
        raise ConflictError(
            "Nothing of this money waits any more: it went back.", code="receipt_not_suspended"
        )
    status = session.get_one(Order, payment.view.order_id, populate_existing=True).status
    if status != "open":
        raise ConflictError(f"The order is {status}.", code="order_not_open")
    waiting = sum(usable(receipt) for receipt in payment.receipts)
    if waiting < payment.view.amount:
        detail = f"{waiting} of {payment.view.amount} minor units have come; wait for the rest."
        raise ConflictError(detail, code="receipt_too_small")
