"""Whether an order may be paid, by whom, and by card."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.calls.tables import ProviderCall
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
    _refuse_unless_open(order)
    if _is_being_paid(session, order_id):
        raise ConflictError("A payment for this order is under way.", code="payment_in_progress")
    if order.currency not in CURRENCIES:
        raise ConflictError(f"Cards do not pay in {order.currency}.", code="currency_not_supported")
    return order


def refuse_if_overtaken(session: Session, row: Payment, order: Order) -> None:
    """Refuse to go on with a payment when its order is paid otherwise; the order is locked.

    Raises:
        ConflictError: the order is paid or canceled (`order_not_open`), another payment for it is
            under way (`payment_in_progress`), or a newer one took this one's place
            (`payment_not_confirmable`).
    """
    _refuse_unless_open(order)
    if _is_being_paid(session, order.id, but_for=row.id):
        raise ConflictError("Another payment is under way.", code="payment_in_progress")
    if is_superseded(session, row):
        raise ConflictError(
            "A newer payment took this one's place; go on with that.",
            code="payment_not_confirmable",
        )


def supersede_others(session: Session, row: Payment, *, now: dt.datetime) -> None:
    """Have the order's older payments that are still open given up soon, by the poll."""
    session.execute(
        update(Payment)
        .where(Payment.order_id == row.order_id, Payment.id < row.id, _is_open_at_provider())
        .values(poll_at=now)
    )


def is_superseded(session: Session, row: Payment) -> bool:
    """Whether a newer payment of the same order took this one's place."""
    newer = select(Payment.id).where(
        Payment.order_id == row.order_id,
        Payment.id > row.id,
        or_(_is_open_at_provider(), Payment.status.in_(_UNDER_WAY)),
    )
    return session.scalars(newer.limit(1)).first() is not None


def _is_open_at_provider() -> ColumnElement[bool]:
    """Whether the payer may still pay it."""
    return and_(
        Payment.status.in_([Status.CREATED, Status.REQUIRES_ACTION, Status.FAILED]),
        or_(Payment.provider_ref.is_not(None), Payment.checkout_session_ref.is_not(None)),
    )


def _refuse_unless_open(order: Order) -> None:
    if order.status != "open":
        raise ConflictError(f"The order is {order.status}.", code="order_not_open")


def _is_being_paid(session: Session, order_id: str, *, but_for: str = "") -> bool:
    """Whether the money for an order is taken, or being taken, by another payment."""
    confirming = select(ProviderCall.id).where(
        ProviderCall.payment_id == Payment.id,
        ProviderCall.operation == "confirm",
        ProviderCall.state.in_(["intent", "unknown"]),
    )
    under_way = select(Payment.id).where(
        Payment.order_id == order_id,
        Payment.id != but_for,
        or_(Payment.status.in_(_UNDER_WAY), confirming.exists()),
    )
    return session.scalars(under_way.limit(1)).first() is not None
