"""A person says for which payment a line is, or which suspended money went back with it.

Either is recorded through the one door; what that books is what the line is matched with.
"""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from payments.errors import ConflictError, NotFoundError
from payments.lifecycle.record_facts import Result, SourcedFact, record_facts
from payments.lifecycle.tables import BankReceipt, Payment
from payments.providers.facts import MoneyReceived
from payments.reconciliation.book_lines import OpenAmount
from payments.reconciliation.line_entries import LockedLine
from payments.reconciliation.read_expectations import expect_entries
from payments.reconciliation.receive_lines import (
    BY_STATEMENT,
    expect_payments,
    lock_payments,
    receipt_expectation,
)
from payments.reconciliation.tables import Expectation
from payments.reconciliation.view_match import expectation_name
from payments.refunds.returned_by_hand import returned_by_hand


def open_amounts(session: Session, ids: Collection[int]) -> dict[int, OpenAmount]:
    """Return what is open of expectations, without locking them."""
    rows = session.scalars(select(Expectation).where(Expectation.id.in_(ids)))
    return {row.id: OpenAmount(row.amount - row.matched_amount, row.currency) for row in rows}


def receive_for_payment(
    session: Session, line: LockedLine, *, payment_id: str, amount: int, now: dt.datetime
) -> int:
    """Return what is expected of the payment for a line, received by it if need be.

    What its provider told of and is open comes first: one movement is never received twice.

    Raises:
        NotFoundError: there is no such payment.
        ConflictError: something else is expected for it, or it takes no such money.
    """
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NotFoundError("There is no such payment.")
    lock_payments(session, [payment_id])
    expect_payments(session, [payment_id], now=now)
    expected = _open_of(session, payment_id, line, amount)
    if expected is not None:
        return expected
    fact = MoneyReceived(
        provider=payment.provider,
        provider_ref=None,
        payment_id=payment_id,
        occurred_at=line.booked_at,
        source=BY_STATEMENT,
        receipt_ref=_receipt_ref(session, line, payment_id),
        amount=amount,
        currency=line.currency,
    )
    _check(payment, fact)
    [outcome] = record_facts(session, [SourcedFact(fact, f"statement:{line.id}")], now=now)
    session.flush()
    if outcome.result is Result.REFUSED:
        raise ConflictError(
            f"The payment does not take this money: {outcome.detail}.", code="payment_refuses_money"
        )
    expectation_id = receipt_expectation(
        session, payment_id, source=fact.source, receipt_ref=fact.receipt_ref, now=now
    )
    if expectation_id is None:
        raise ConflictError("This line's money was received before, and matched.")
    return expectation_id


def return_by_hand(
    session: Session, line: LockedLine, *, receipt_id: str, amount: int, now: dt.datetime
) -> int:
    """Return what is expected of suspended money that a person sent back with this line.

    Raises:
        NotFoundError: there is no such receipt.
        ConflictError: the line brought money, or less than that waits.
    """
    receipt = session.get(BankReceipt, receipt_id)
    if receipt is not None and (amount >= 0 or receipt.currency != line.currency):
        raise ConflictError(
            f"Only money that went out in {receipt.currency} gives this receipt back.",
            code="payment_refuses_money",
        )
    refund = returned_by_hand(
        session, receipt_id=receipt_id, amount=-amount, occurred_at=line.booked_at, now=now
    )
    connection = session.connection()
    entries = ledger.entries_of_effects(connection, [f"{refund.id}:refunded"])
    [expectation_id] = expect_entries(connection, entries, now=now).values()
    return expectation_id


def _check(payment: Payment, fact: MoneyReceived) -> None:
    if payment.rail != "bank" or fact.currency != payment.currency or fact.amount < 0:
        raise ConflictError(
            f"The payment is by {payment.rail} and in {payment.currency}: only money that came in"
            " in that currency, by bank, is received for it.",
            code="payment_refuses_money",
        )


def _open_of(session: Session, payment_id: str, line: LockedLine, amount: int) -> int | None:
    """Return the one open expectation of the payment that this amount is."""
    rows = session.scalars(
        select(Expectation).where(
            Expectation.payment_id == payment_id,
            Expectation.currency == line.currency,
            Expectation.matched_amount != Expectation.amount,
        )
    ).all()
    waiting = [row for row in rows if row.amount * amount > 0]
    exact = [row.id for row in waiting if row.amount - row.matched_amount == amount]
    if exact:
        return exact[0]
    if waiting:
        named = ", ".join(expectation_name(row.id) for row in waiting)
        raise ConflictError(
            f"{named} is expected for this payment, with another amount: match that instead.",
            code="amounts_differ",
        )
    return None


def _receipt_ref(session: Session, line: LockedLine, payment_id: str) -> str:
    """Return the name of the movement: the line, and the payment too if another one had it."""
    taken = session.scalar(
        select(BankReceipt.payment_id).where(
            BankReceipt.source == BY_STATEMENT, BankReceipt.receipt_ref == line.id
        )
    )
    return line.id if taken in (None, payment_id) else f"{line.id}/{payment_id}"
