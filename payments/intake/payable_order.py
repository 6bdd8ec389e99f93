"""Whether an order may be paid, by whom, and in its currency."""

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.calls.tables import ProviderCall
from payments.errors import ConflictError, ForbiddenError, NotFoundError
from payments.lifecycle.stages import CHARGED, Status
from payments.lifecycle.tables import Payment
from payments.orders.tables import Order
from payments.providers.stripe.intents import CURRENCIES as CARD_CURRENCIES

_UNDER_WAY = (Status.PROCESSING, *CHARGED)


class PayableOrder(NamedTuple):
    """What a payment takes from its order; `amount` in minor units of `currency`."""

    id: str
    buyer_id: str
    seller_id: str
    amount: int
    currency: str
    status: str


_orders = cast("Table", Order.__table__)
_LOCKED = (
    select(*[_orders.c[name] for name in PayableOrder._fields])
    .where(_orders.c.id == bindparam("order_id"))
    .with_for_update(key_share=True)
)


def lock_payable_order(
    session: Session,
    *,
    caller: Caller,
    order_id: str,
    payer: str = "Cards",
    currencies: Collection[str] | None = CARD_CURRENCIES,
) -> PayableOrder:
    """Return the order, locked so that no other payment for it begins or ends meanwhile.

    `currencies` are those that `payer`, in the plural, pay in; None leaves that to the caller.

    Raises:
        NotFoundError: there is none, or it is not the caller's.
        ForbiddenError: the caller is its seller.
        ConflictError: it is paid or canceled (`order_not_open`), a payment for it is under way,
            whoever it is with (`payment_in_progress`), or its currency is not among `currencies`
            (`currency_not_supported`).
    """
    found = session.execute(_LOCKED, {"order_id": order_id}).first()
    order = None if found is None else PayableOrder(*found)
    if order is None or not caller.may_see(order.buyer_id, order.seller_id):
        raise NotFoundError("There is no such order.")
    if not caller.may_see(order.buyer_id):
        raise ForbiddenError("Only its buyer pays an order.")
    _refuse_unless_open(order.status)
    if _is_being_paid(session, order_id):
        raise ConflictError("A payment for this order is under way.", code="payment_in_progress")
    if currencies is not None and order.currency not in currencies:
        detail = f"{payer} do not pay in {order.currency}."
        raise ConflictError(detail, code="currency_not_supported")
    return order


def refuse_if_overtaken(session: Session, row: Payment, order: Order) -> None:
    """Refuse to go on with a payment when its order is paid otherwise; the order is locked.

    Raises:
        ConflictError: the order is paid or canceled (`order_not_open`), another payment for it is
            under way (`payment_in_progress`), or a newer one took this one's place
            (`payment_not_confirmable`).
    """
    _refuse_unless_open(order.status)
    if _is_being_paid(session, order.id, but_for=row.id):
        raise ConflictError("Another payment is under way.", code="payment_in_progress")
    if is_superseded(session, row):
        raise ConflictError(
            "A newer payment took this one's place; go on with that.",
            code="payment_not_confirmable",
        )


def supersede_others(session: Session, *, order_id: str, payment_id: str, now: dt.datetime) -> None:
    """Have the order's older payments that are still open given up soon, by the poll.

    An escrow cannot be given up: nobody but its buyer decides whether its deposit comes.
    """
    session.execute(_SUPERSEDE, {"of_order": order_id, "before_payment": payment_id, "due_at": now})


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


def _refuse_unless_open(status: str) -> None:
    if status != "open":
        raise ConflictError(f"The order is {status}.", code="order_not_open")


def _is_being_paid(session: Session, order_id: str, *, but_for: str = "") -> bool:
    """Whether the money for an order is taken, or being taken, by another payment."""
    asked = {"order_id": order_id, "but_for": but_for}
    return session.execute(_UNDER_WAY_FOR, asked).first() is not None


# Made once: to build them anew takes longer than to run them.
_payments = cast("Table", Payment.__table__)
_calls = cast("Table", ProviderCall.__table__)
_UNDER_WAY_FOR = (
    select(_payments.c.id)
    .where(
        _payments.c.order_id == bindparam("order_id"),
        _payments.c.id != bindparam("but_for"),
        or_(
            _payments.c.status.in_(_UNDER_WAY),
            exists().where(
                _calls.c.payment_id == _payments.c.id,
                _calls.c.operation == "confirm",
                _calls.c.state.in_(["intent", "unknown"]),
            ),
        ),
    )
    .limit(1)
)
_SUPERSEDE = (
    update(_payments)
    .where(
        _payments.c.order_id == bindparam("of_order"),
        _payments.c.id < bindparam("before_payment"),
        _payments.c.rail != "crypto",
        _is_open_at_provider(),
    )
    .values(poll_at=bindparam("due_at"))
)
