"""Shows an order to its buyer and seller, to the platform's backend and to the staff."""

from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import NotFoundError
from payments.orders.tables import Order
from payments.orders.view import OrderView, view_order


def read_order(session: Session, *, caller: Caller, order_id: str) -> OrderView:
    """Return the order.

    Raises:
        NotFoundError: when there is none, or it is not the caller's.
    """
    row = session.get(Order, order_id)
    if row is None or not caller.may_see(row.buyer_id, row.seller_id):
        raise NotFoundError("There is no such order.")
    return view_order(row)
