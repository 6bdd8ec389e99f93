"""Shows payments to the parties of their orders, to the platform's backend and to the staff."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import NotFoundError
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView, view_payment
from payments.orders.tables import Order
from payments.pages import Page, page_of

LIMIT_MAX = 200


def read_payment(session: Session, *, caller: Caller, payment_id: str) -> PaymentView:
    """Return the payment.

    Raises:
        NotFoundError: when there is none, or it is not the caller's.
    """
    row = session.get(Payment, payment_id)
    order = None if row is None else session.get(Order, row.order_id)
    if row is None or order is None or not caller.may_see(order.buyer_id, order.seller_id):
        raise NotFoundError("There is no such payment.")
    return view_payment(row)


def list_payments(
    session: Session,
    *,
    caller: Caller,
    limit: int = 50,
    after: str | None = None,
    order_id: str | None = None,
) -> Page[PaymentView]:
    """Return up to `limit` payments the caller may see, older than the cursor `after`."""
    limit = max(1, min(limit, LIMIT_MAX))
    found = select(Payment).order_by(Payment.id.desc()).limit(limit + 1)
    if not caller.sees_everyone:
        party_id = caller.party_id
        found = found.join(Order, Order.id == Payment.order_id).where(
            or_(Order.buyer_id == party_id, Order.seller_id == party_id)
        )
    if after is not None:
        found = found.where(Payment.id < after)
    if order_id is not None:
        found = found.where(Payment.order_id == order_id)
    rows = session.scalars(found).all()
    return page_of([view_payment(row) for row in rows], limit=limit)
