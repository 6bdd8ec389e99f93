"""Money that a bank's provider had told to be ours, and took back: a late failure.

Which of the two is told first does not matter: until when it took money back is remembered.
"""

import datetime as dt

from sqlalchemy.orm import Session

from payments.accounting.receipts import book_taken_back
from payments.lifecycle.givebacks import take_giveback
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.receipts import received_of, reckon_shares
from payments.lifecycle.shares import usable
from payments.lifecycle.tables import BankReceipt
from payments.providers.facts import DisputeReported, DisputeStatus, PaymentFailed

LATE_FAILURE = "late_failure"


def take_failure(
    session: Session, payment: LockedPayment, fact: PaymentFailed, *, cause: str, now: dt.datetime
) -> bool:
    """Let the payment fail and lose what was told to have come for it; False: known before.

    Raises:
        Contradiction, LedgerError: as `take_giveback`; run it in a savepoint.
    """
    is_news = payment.taken_back_at is None or payment.taken_back_at < fact.occurred_at
    if is_news:
        payment.taken_back_at = fact.occurred_at
        payment.is_changed = True
    moved = payment.take(fact, cause=cause, now=now)
    return take_back(session, payment, cause=cause, now=now) or moved or is_news


def take_back(session: Session, payment: LockedPayment, *, cause: str, now: dt.datetime) -> bool:
    """Give up what the provider took back; False when it took nothing, or that is booked.

    What still waits in suspense goes from there. If the payment needs it, it is a lost dispute:
    the money is out of the order's escrow, or a debt of the seller.

    Raises:
        Contradiction, LedgerError: as `take_giveback`; run it in a savepoint.
    """
    until, ref = payment.taken_back_at, f"{payment.provider_ref or payment.view.id}:{LATE_FAILURE}"
    gone = [row for row in payment.receipts if _is_gone(payment, row)]
    if until is None or not gone or any(d.provider_ref == ref for d in payment.disputes):
        return False
    others = sum(usable(row) for row in payment.receipts if row not in gone)
    captured = payment.view.amount_captured
    if others >= captured:
        for row in gone:
            received = received_of(payment, row, amount=usable(row))
            book_taken_back(session.connection(), received, occurred_at=until)
            row.amount_returned = row.amount
        reckon_shares(payment, now=now)
        payment.is_changed = True
        return True
    fact = DisputeReported(
        provider=payment.provider,
        provider_ref=payment.provider_ref,
        payment_id=payment.view.id,
        occurred_at=until,
        dispute_ref=ref,
        amount=min(captured, sum(usable(row) for row in gone)),
        currency=payment.view.currency,
        status=DisputeStatus.LOST,
        reason=LATE_FAILURE,
    )
    take_giveback(session, payment, fact, now=now)
    payment.reckon(occurred_at=until, cause=cause, now=now)
    return True


def _is_gone(payment: LockedPayment, row: BankReceipt) -> bool:
    until = payment.taken_back_at
    told_by_provider = row.source == payment.provider and usable(row) > 0
    return until is not None and told_by_provider and row.occurred_at <= until
