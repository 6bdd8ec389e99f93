"""Refunds of money that no order got: out of suspense, and into it again if they fail."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.accounting import receipts as books
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.receipts import complete_from_suspense, received_of
from payments.lifecycle.tables import BankReceipt, Refund
from payments.providers.facts import RefundStatus

_FAILED = (RefundStatus.FAILED, RefundStatus.CANCELED)


def book_receipt_refund(
    session: Session, payment: LockedPayment, refund: Refund, *, now: dt.datetime
) -> None:
    """Book what the ledger is behind of; what failed is there for its payment again.

    Raises:
        LedgerError: the ledger refused it; run it in a savepoint.
    """
    status, at = RefundStatus(refund.status), refund.occurred_at
    receipt = receipt_of(payment, refund)
    received = received_of(payment, receipt, amount=refund.amount)
    connection = session.connection()
    if status is RefundStatus.SUCCEEDED and refund.booked == "nothing":
        books.book_receipt_refund(connection, received, refund_id=refund.id, occurred_at=at)
        refund.booked = "refunded"
        return
    if status in _FAILED and refund.booked == "nothing":
        refund.booked = "released"
    elif status in _FAILED and refund.booked == "refunded":
        books.book_receipt_refund_returned(
            connection, received, refund_id=refund.id, occurred_at=at
        )
        refund.booked = "returned"
    else:
        return
    receipt.amount_returned -= refund.amount
    receipt.updated_at = now
    complete_from_suspense(session, payment, cause=f"refund:{refund.id}", now=now)


def receipt_of(payment: LockedPayment, refund: Refund) -> BankReceipt:
    """Return the receipt that a refund gives back."""
    return next(row for row in payment.receipts if row.id == refund.receipt_id)
