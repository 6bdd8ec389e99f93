"""Shows refunds to the parties of their orders, to the platform's backend and to the staff."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import NotFoundError
from payments.lifecycle.tables import Payment, Refund
from payments.lifecycle.view import RefundView, view_refund
from payments.orders.tables import Order


def read_refund(session: Session, *, caller: Caller, refund_id: str) -> RefundView:
    """Return the refund.

    Raises:
        NotFoundError: when there is none, or it is not the caller's.
    """
    refund = session.get(Refund, refund_id)
    order = None if refund is None else _visible_order(session, caller, refund.payment_id)
    if refund is None or order is None:
        raise NotFoundError("There is no such refund.")
    return view_refund(refund, order_id=order.id)


def list_refunds(session: Session, *, caller: Caller, payment_id: str) -> list[RefundView]:
    """Return all refunds of a payment, oldest first.

    Raises:
        NotFoundError: when there is no such payment, or it is not the caller's.
    """
    order = _visible_order(session, caller, payment_id)
    if order is None:
        raise NotFoundError("There is no such payment.")
    found = select(Refund).filter_by(payment_id=payment_id).order_by(Refund.id)
    return [view_refund(row, order_id=order.id) for row in session.scalars(found)]


def _visible_order(session: Session, caller: Caller, payment_id: str) -> Order | None:
    payment = session.get(Payment, payment_id)
    if payment is None:
        return None
    order = session.get_one(Order, payment.order_id)
    return order if caller.may_see(order.buyer_id, order.seller_id) else None
