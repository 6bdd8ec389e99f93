"""Money that arrived at our bank: kept as it is told, and held for the order once it is enough.

A payment is charged for exactly its amount, whatever the sums that came. What it does not need,
or not yet, waits in suspense and is never lost: `shares` says why.
"""

import datetime as dt

from sqlalchemy.orm import Session

from payments.accounting import receipts as books
from payments.accounting.receipts import Received
from payments.identifiers import new_id
from payments.lifecycle.contradiction import Contradiction
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.shares import completed_at, share_out
from payments.lifecycle.tables import BankReceipt
from payments.providers.facts import ChargeSucceeded, MoneyReceived


def take_receipt(
    session: Session, payment: LockedPayment, fact: MoneyReceived, *, cause: str, now: dt.datetime
) -> bool:
    """Keep what is told and book it; False when it was known before.

    Raises:
        Contradiction: it was told before with another amount or currency; nothing was changed.
        LedgerError: the ledger refused it; run it in a savepoint.
    """
    known = next(
        (row for row in payment.receipts if (row.source, row.receipt_ref) == _name(fact)), None
    )
    if known is not None:
        return _hear_again(session, payment, known, fact, cause=cause, now=now)
    row = BankReceipt(
        id=new_id("rcp", now=now),
        payment_id=payment.view.id,
        source=fact.source,
        receipt_ref=fact.receipt_ref,
        amount=fact.amount,
        currency=fact.currency,
        occurred_at=fact.occurred_at,
        amount_applied=0,
        amount_returned=0,
        reason="short",
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    payment.receipts.append(row)
    payment.note_received(fact.amount, now=now)
    completed = _completed_at(payment)
    books.book_receipt(
        session.connection(),
        received_of(payment, row),
        held=0 if completed is None else payment.view.amount,
        occurred_at=row.occurred_at,
    )
    if completed is not None:
        charge(payment, occurred_at=completed, cause=cause, now=now)
    reckon_shares(payment, now=now)
    return True


def complete_from_suspense(
    session: Session, payment: LockedPayment, *, cause: str, now: dt.datetime
) -> None:
    """Charge a payment for which enough has come by now, though nothing new came.

    Raises:
        LedgerError: the ledger refused it; run it in a savepoint.
    """
    completed = _completed_at(payment)
    if completed is not None:
        row = payment.receipts[-1]
        charge_from_suspense(session, payment, row, occurred_at=completed, cause=cause, now=now)
    reckon_shares(payment, now=now)


def charge_from_suspense(
    session: Session,
    payment: LockedPayment,
    row: BankReceipt,
    *,
    occurred_at: dt.datetime,
    cause: str,
    now: dt.datetime,
) -> None:
    """Hold for the order what waits in suspense, `row` among it; enough must be there.

    Raises:
        LedgerError: the ledger refused it; run it in a savepoint.
    """
    received = received_of(payment, row, amount=payment.view.amount)
    books.book_out_of_suspense(session.connection(), received, occurred_at=now)
    charge(payment, occurred_at=occurred_at, cause=cause, now=now)


def charge(
    payment: LockedPayment, *, occurred_at: dt.datetime, cause: str, now: dt.datetime
) -> None:
    """Let the payment succeed for its whole amount."""
    fact = ChargeSucceeded(
        provider=payment.provider,
        provider_ref=payment.provider_ref,
        payment_id=payment.view.id,
        occurred_at=occurred_at,
        amount=payment.view.amount,
        currency=payment.view.currency,
    )
    payment.take(fact, cause=cause, now=now)


def reckon_shares(payment: LockedPayment, *, now: dt.datetime) -> None:
    """Say anew of each receipt what the payment has of it."""
    share_out(
        payment.receipts,
        due=payment.view.amount,
        captured=payment.view.amount_captured,
        closed_at=payment.closed_at,
        now=now,
    )


def received_of(payment: LockedPayment, row: BankReceipt, *, amount: int | None = None) -> Received:
    """Return a receipt, or `amount` of it, as the books know it."""
    bank = payment.view.bank
    return Received(
        id=row.id,
        payment_id=payment.view.id,
        order_id=payment.view.order_id,
        provider=payment.provider,
        provider_ref=payment.provider_ref,
        bank_reference="" if bank is None else bank.reference,
        receipt_ref=row.receipt_ref,
        amount=row.amount if amount is None else amount,
        currency=row.currency,
    )


def _hear_again(
    session: Session,
    payment: LockedPayment,
    known: BankReceipt,
    fact: MoneyReceived,
    *,
    cause: str,
    now: dt.datetime,
) -> bool:
    """Take over an earlier moment, which may show that it was in time after all."""
    if (fact.amount, fact.currency) != (known.amount, known.currency):
        raise Contradiction(
            "amount_differs",
            f"{fact.source} told {fact.receipt_ref} as {known.amount} {known.currency}"
            f" and as {fact.amount} {fact.currency}",
        )
    if fact.occurred_at >= known.occurred_at:
        return False
    known.occurred_at, known.updated_at = fact.occurred_at, now
    payment.is_changed = True
    complete_from_suspense(session, payment, cause=cause, now=now)
    return True


def _completed_at(payment: LockedPayment) -> dt.datetime | None:
    """Return when a payment that is not charged had all that it is due."""
    if payment.is_charged:
        return None
    due = payment.view.amount
    return completed_at(payment.receipts, due=due, closed_at=payment.closed_at)


def _name(fact: MoneyReceived) -> tuple[str, str]:
    return fact.source, fact.receipt_ref
