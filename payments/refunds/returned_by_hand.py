"""Notes that suspended money was paid back from our bank by a person, and not by the provider.

So it must be with a transfer that the payer made of their own: no provider carried it. The entry
then expects the outgoing line on the statement.
"""

import datetime as dt

from sqlalchemy.orm import Session

from payments.errors import ConflictError
from payments.lifecycle.givebacks import book_givebacks
from payments.lifecycle.locked_payments import lock_payment
from payments.lifecycle.shares import suspended
from payments.lifecycle.view import RefundView
from payments.lifecycle.write_changes import write_changes
from payments.refunds.make_refund import view_of
from payments.refunds.refund_receipt import lock_receipt, take_off


def returned_by_hand(
    session: Session, *, receipt_id: str, amount: int, occurred_at: dt.datetime, now: dt.datetime
) -> RefundView:
    """Book that `amount` minor units of a receipt went back to the payer, in this transaction.

    Raises:
        NotFoundError: there is no such receipt.
        ConflictError: less than that waits (`receipt_not_suspended`).
    """
    row, receipt = lock_receipt(session, receipt_id)
    if not 0 < amount <= suspended(receipt):
        detail = f"{suspended(receipt)} minor units of it wait, not {amount}."
        raise ConflictError(detail, code="receipt_not_suspended")
    refund = take_off(session, row, receipt, amount=amount, reason=None, now=now)
    payment = lock_payment(session, row.id)
    refund.status, refund.occurred_at = "succeeded", occurred_at
    book_givebacks(session, payment, occurred_at=occurred_at, now=now)
    if payment.is_changed:
        write_changes(session, [payment], now=now)
    session.flush()
    return view_of(session, refund.id)
