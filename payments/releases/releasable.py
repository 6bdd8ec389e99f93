"""Which payment's money a release is of, and how much of it is left: all locked, and checked."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.accounting.releases import free_in_escrow
from payments.errors import ConflictError, NotFoundError
from payments.escrow.tables import Escrow
from payments.lifecycle.stages import CHARGED, Status
from payments.lifecycle.tables import Dispute, Payment, Refund
from payments.orders.tables import Order
from payments.releases.parts import OVER
from payments.releases.tables import Release

# A charge on chain that a reorganisation undid is reversed, and booked again under a number.
_FIRST_CHARGED = text(r"""
    SELECT p.id
      FROM unnest(CAST(:ids AS text[])) AS p (id)
      JOIN ledger.entries e
        ON e.effect_key >= p.id || '\:charged' AND e.effect_key < p.id || '\:charged;'
     WHERE e.kind = 'charge'
       AND NOT EXISTS (SELECT FROM ledger.reversals r WHERE r.reverses_id = e.id)
     ORDER BY e.id LIMIT 1
""")


@dataclass(frozen=True)
class Source:
    """Whose money is released: an order's, of one of its payments; on chain, of its escrow."""

    order: Order
    payment: Payment
    escrow: Escrow | None


def lock_source(session: Session, *, order_id: str, payment_id: str | None = None) -> Source:
    """Lock and return what is to be released of: the payment that paid the order.

    Another one that was charged for it is on its way back to the buyer, also when it is asked for
    by `payment_id`.

    Raises:
        NotFoundError: there is no such order.
        ConflictError: it is not paid, or not by this payment (`order_not_paid`).
    """
    payments = lock_payments_of(session, order_id)
    order = session.get(
        Order, order_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if order is None:
        raise NotFoundError("There is no such order.")
    paid = [payment for payment in payments if Status(payment.status) in CHARGED]
    if order.status != "paid" or not paid:
        raise ConflictError("The order is not paid.", code="order_not_paid")
    payment = _first_charged(session, paid)
    if payment_id not in (None, payment.id):
        detail = f"{payment.id} paid the order, and not this payment."
        raise ConflictError(detail, code="order_not_paid")
    escrow = None
    if payment.escrow_id is not None:
        escrow = session.get_one(
            Escrow, payment.escrow_id, with_for_update={"key_share": True}, populate_existing=True
        )
    return Source(order, payment, escrow)


def lock_payments_of(session: Session, order_id: str) -> Sequence[Payment]:
    """Lock an order's payments, in the order in which everybody does, before the order itself."""
    found = select(Payment).filter_by(order_id=order_id).order_by(Payment.id)
    locked = found.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(locked).all()


def require_funded(escrow: Escrow | None, *, now: dt.datetime) -> None:
    """Refuse to release from an escrow that would not: of another rail, there is nothing to ask.

    Raises:
        ConflictError: it is not funded, disputed, paused, or past the moment until which it can
            be released (`escrow_not_funded`).
    """
    if escrow is None:
        return
    fault = None
    if escrow.status != "funded":
        fault = f"The escrow is {escrow.status}, not funded."
    elif escrow.is_paused:
        fault = "The escrow's guardian has paused releases."
    elif escrow.release_by <= now:
        fault = "The time until which the escrow could be released is over."
    if fault is not None:
        raise ConflictError(fault, code="escrow_not_funded")


def amount_of(session: Session, source: Source, asked: int | None) -> int:
    """Return how much is to be released: what is asked for, or all that is left.

    Raises:
        ConflictError: less is left: not paid out, and not reserved by refunds, disputes or other
            releases (`release_exceeds_held`).
    """
    free = free_in_escrow(
        session.connection(), order_id=source.order.id, currency=source.order.currency
    )
    left = max(0, min(free, left_of(session, source.payment)))
    amount = left if asked is None else asked
    if left == 0 or amount > left:
        raise exceeds_held(left)
    return amount


def exceeds_held(left: int | None = None) -> ConflictError:
    """Return the refusal of a release for which too little is held."""
    fault = "Read the order again, and release no more than is held."
    if left is not None:
        fault = f"At most {left} can be released." if left else "Nothing can be released."
    return ConflictError(
        "Less than that is held for the order and free.",
        code="release_exceeds_held",
        errors={"amount": [fault]},
    )


def left_of(session: Session, payment: Payment) -> int:
    """Return what of a payment is in no refund, dispute or release, in minor units.

    What of a refund or dispute the escrow lacked, and the seller owes, did not come out of it.
    """
    refunds = select(Refund).filter_by(payment_id=payment.id, receipt_id=None)
    disputes = select(Dispute).filter_by(payment_id=payment.id)
    releases = select(Release).filter_by(payment_id=payment.id)
    gone = _sum(
        row.amount - row.owed
        for row in session.scalars(refunds)
        if row.status in ("pending", "succeeded")
    )
    gone += _sum(
        row.amount - row.owed for row in session.scalars(disputes) if row.booked in ("open", "lost")
    )
    gone += _sum(row.amount for row in session.scalars(releases) if row.status not in OVER)
    return payment.amount_captured - gone


def _first_charged(session: Session, payments: Sequence[Payment]) -> Payment:
    """Return the payment whose charge, as it is in force now, was booked first."""
    if len(payments) == 1:
        return payments[0]
    ids = [payment.id for payment in payments]
    first = session.scalar(_FIRST_CHARGED, {"ids": ids})
    return next(payment for payment in payments if payment.id == first)


def _sum(amounts: Iterable[int]) -> int:
    return sum(amounts)
