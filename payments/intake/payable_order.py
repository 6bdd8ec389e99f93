"""Whether an order may be paid, by whom, and by card."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import ConflictError, ForbiddenError, NotFoundError
from payments.lifecycle.stages import CHARGED, Status
from payments.lifecycle.tables import Payment
from payments.orders.tables import Order
from payments.providers.stripe.intents import CURRENCIES

_UNDER_WAY = (Status.PROCESSING, *CHARGED)


def lock_payable_order(session: Session, *, caller: Caller, order_id: str) -> Order:
    """Return the order, locked so that no other payment for it begins or ends meanwhile.

    Raises:
        NotFoundError: there is none, or it is not the caller's.
        ForbiddenError: the caller is its seller.
        ConflictError: it is paid or canceled (`order_not_open`), a payment for it is under way
            (`payment_in_progress`), or cards do not pay its currency (`currency_not_supported`).
    """
    order = session.get(Order, order_id, with_for_update={"key_share": True})
    if order is None or not caller.may_see(order.buyer_id, order.seller_id):
        raise NotFoundError("There is no such order.")
    if not caller.may_see(order.buyer_id):
        raise ForbiddenError("Only its buyer pays an order.")
    if order.status != "open":
        raise ConflictError(f"The order is {order.status}.", code="order_not_open")
    under_way = select(Payment.id).where(
        Payment.order_id == order_id, Payment.status.in_(_UNDER_WAY)
    )
    if session.scalars(under_way.limit(1)).first() is not None:
        raise ConflictError("A payment for this order is under way.", code="payment_in_progress")
    if order.currency not in CURRENCIES:
        raise ConflictError(f"Cards do not pay in {order.currency}.", code="currency_not_supported")
    return order
