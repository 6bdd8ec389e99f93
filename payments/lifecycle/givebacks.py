"""Refunds and disputes of a locked payment: stored as they are told, booked once it is charged.

One that is told before its charge is kept and booked with it, so that the order in which they are
told does not matter.
"""

import datetime as dt

from sqlalchemy.orm import Session

from payments.accounting import givebacks
from payments.accounting.givebacks import Giveback
from payments.identifiers import new_id
from payments.lifecycle.contradiction import Contradiction
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.receipt_refunds import book_receipt_refund
from payments.lifecycle.stages import GivebackFact, dispute_moves, refund_moves
from payments.lifecycle.tables import Dispute, Refund
from payments.providers.facts import (
    DisputeReported,
    DisputeStatus,
    RefundReported,
    RefundStatus,
)

_ASK_AFTER = dt.timedelta(minutes=5)
"""When to ask about a refund that is under way, should nobody tell."""

_MONEY_WENT = (DisputeStatus.OPEN, DisputeStatus.WON, DisputeStatus.LOST)
_DISPUTE_CLOSED = (DisputeStatus.WON, DisputeStatus.LOST)


def take_giveback(
    session: Session, payment: LockedPayment, fact: GivebackFact, *, now: dt.datetime
) -> bool:
    """Store what is told, and book it if the charge is; False when it was known before.

    Raises:
        Contradiction: see there; nothing was changed.
        LedgerError: the ledger refused it; run it in a savepoint.
    """
    if fact.currency != payment.view.currency:
        detail = f"in {fact.currency}, the payment is in {payment.view.currency}"
        raise Contradiction("currency_differs", detail)
    if isinstance(fact, RefundReported):
        is_news = _take_refund(session, payment, fact, now=now)
    else:
        is_news = _take_dispute(session, payment, fact, now=now)
    if is_news:
        book_givebacks(session, payment, occurred_at=fact.occurred_at, now=now)
    return is_news


def book_givebacks(
    session: Session, payment: LockedPayment, *, occurred_at: dt.datetime, now: dt.datetime
) -> None:
    """Book every refund and dispute that the ledger is behind of, once the payment is charged.

    A refund out of suspense needs no charge.

    Money that comes back to the escrow pays what was lacking there before, so that the order in
    which refunds and disputes are told does not decide who owes what.

    Raises:
        Contradiction: more would go back than was taken.
        LedgerError: the ledger refused it; run it in a savepoint.
    """
    for refund in payment.refunds:
        if refund.receipt_id is not None:
            book_receipt_refund(session, payment, refund, now=now)
    if not payment.is_charged:
        return
    for refund in payment.refunds:
        if refund.receipt_id is None:
            _book_refund(session, payment, refund, now=now)
    for dispute in payment.disputes:
        _book_dispute(session, payment, dispute, now=now)
    rows: list[Refund | Dispute] = [*payment.refunds, *payment.disputes]
    for row in rows:
        if row.owed:
            giveback = _giveback(payment, row)
            row.owed -= givebacks.cover_debt(
                session.connection(), giveback, occurred_at=occurred_at
            )


# ---- refunds -----------------------------------------------------------------------------------


def _take_refund(
    session: Session, payment: LockedPayment, fact: RefundReported, *, now: dt.datetime
) -> bool:
    refund = _find_refund(payment, fact)
    if refund is None:
        refund = _new_refund(payment, fact, now=now)
        payment.refunds.append(refund)
        session.add(refund)
        return True
    if fact.amount != refund.amount:
        detail = f"the refund is told as {fact.amount} and {refund.amount} minor units"
        raise Contradiction("amount_differs", detail)
    is_news = refund.provider_ref is None
    refund.provider_ref = fact.refund_ref
    if refund_moves(RefundStatus(refund.status), fact.status):
        refund.status = fact.status.value
        refund.failure_code = fact.failure_code
        refund.occurred_at = fact.occurred_at
        is_news = True
    if is_news:
        refund.updated_at = now
        is_asked_about = fact.status is RefundStatus.PENDING and refund.origin == "api"
        refund.poll_at = now + _ASK_AFTER if is_asked_about else None
    return is_news


def _find_refund(payment: LockedPayment, fact: RefundReported) -> Refund | None:
    for refund in payment.refunds:
        if refund.provider_ref == fact.refund_ref:
            return refund
    for refund in payment.refunds:
        if refund.provider_ref is None and refund.id == fact.refund_id:
            return refund
    return None


def _new_refund(payment: LockedPayment, fact: RefundReported, *, now: dt.datetime) -> Refund:
    """Return a refund that was not asked for here: made at the provider."""
    return Refund(
        id=new_id("rfd", now=now),
        payment_id=payment.view.id,
        provider=payment.provider,
        provider_ref=fact.refund_ref,
        origin="provider",
        amount=fact.amount,
        currency=fact.currency,
        status=fact.status.value,
        failure_code=fact.failure_code,
        occurred_at=fact.occurred_at,
        booked="nothing",
        owed=0,
        created_at=now,
        updated_at=now,
    )


def _book_refund(
    session: Session, payment: LockedPayment, refund: Refund, *, now: dt.datetime
) -> None:
    connection = session.connection()
    giveback = _giveback(payment, refund)
    at = refund.occurred_at
    match (RefundStatus(refund.status), refund.booked):
        case (RefundStatus.PENDING, "nothing"):
            refund.hold_id = givebacks.hold_what_is_left(connection, giveback, now=now)
            refund.booked = "held"
        case (RefundStatus.SUCCEEDED, "nothing" | "held"):
            _refuse_more_than_was_taken(payment, refund)
            refund.owed = givebacks.book_refund(connection, giveback, occurred_at=at, now=now)
            refund.booked = "refunded"
        case (RefundStatus.FAILED | RefundStatus.CANCELED, "held"):
            givebacks.let_go(connection, giveback, now=now)
            refund.booked = "released"
        case (RefundStatus.FAILED | RefundStatus.CANCELED, "refunded"):
            givebacks.book_refund_returned(connection, giveback, occurred_at=at)
            refund.booked, refund.owed = "returned", 0


def _refuse_more_than_was_taken(payment: LockedPayment, refund: Refund) -> None:
    gone = sum(
        other.amount
        for other in payment.refunds
        if other.booked == "refunded" and other.receipt_id is None
    )
    if gone + refund.amount > payment.view.amount_captured:
        raise Contradiction(
            "refund_exceeds_payment",
            f"{gone} of {payment.view.amount_captured} minor units went back already; "
            f"{refund.amount} more cannot",
        )


# ---- disputes ----------------------------------------------------------------------------------


def _take_dispute(
    session: Session, payment: LockedPayment, fact: DisputeReported, *, now: dt.datetime
) -> bool:
    dispute = next((d for d in payment.disputes if d.provider_ref == fact.dispute_ref), None)
    if dispute is None:
        dispute = _new_dispute(payment, fact, now=now)
        payment.disputes.append(dispute)
        session.add(dispute)
        return True
    known = DisputeStatus(dispute.status)
    if {known, fact.status} == set(_DISPUTE_CLOSED):
        raise Contradiction(
            "dispute_closed_twice", f"the dispute is told as {known}, {fact.status}"
        )
    if not dispute_moves(known, fact.status):
        return False
    if fact.amount != dispute.amount and dispute.booked != "nothing":
        detail = f"the dispute is told as {fact.amount} and {dispute.amount} minor units"
        raise Contradiction("amount_differs", detail)
    dispute.status = fact.status.value
    dispute.amount = fact.amount
    dispute.evidence_due_by = fact.evidence_due_by
    dispute.occurred_at = fact.occurred_at
    dispute.updated_at = now
    return True


def _new_dispute(payment: LockedPayment, fact: DisputeReported, *, now: dt.datetime) -> Dispute:
    return Dispute(
        id=new_id("dsp", now=now),
        payment_id=payment.view.id,
        provider=payment.provider,
        provider_ref=fact.dispute_ref,
        amount=fact.amount,
        currency=fact.currency,
        status=fact.status.value,
        reason=fact.reason,
        evidence_due_by=fact.evidence_due_by,
        occurred_at=fact.occurred_at,
        booked="nothing",
        owed=0,
        created_at=now,
        updated_at=now,
    )


def _book_dispute(
    session: Session, payment: LockedPayment, dispute: Dispute, *, now: dt.datetime
) -> None:
    connection = session.connection()
    status, at = DisputeStatus(dispute.status), dispute.occurred_at
    if dispute.booked == "nothing" and status in _MONEY_WENT:
        giveback = _giveback(payment, dispute)
        givebacks.book_dispute_opened(connection, giveback, occurred_at=at)
        dispute.hold_id = givebacks.hold_what_is_left(connection, giveback, now=now)
        dispute.booked = "open"
    if dispute.booked != "open":
        return
    giveback = _giveback(payment, dispute)
    if status is DisputeStatus.WON:
        givebacks.book_dispute_won(connection, giveback, occurred_at=at, now=now)
        dispute.booked = "won"
    elif status is DisputeStatus.LOST:
        dispute.owed = givebacks.book_dispute_lost(connection, giveback, occurred_at=at, now=now)
        dispute.booked = "lost"


def _giveback(payment: LockedPayment, row: Refund | Dispute) -> Giveback:
    return Giveback(
        id=row.id,
        payment_id=payment.view.id,
        order_id=payment.view.order_id,
        seller_id=payment.audience[1],
        provider=payment.provider,
        amount=row.amount,
        currency=row.currency,
        hold_id=row.hold_id,
        owed=row.owed,
    )
