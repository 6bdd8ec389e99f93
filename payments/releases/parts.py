"""How an order's fee and tax spread over its releases: by what was released so far, to the unit."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.orders.tables import Order
from payments.releases.tables import Release

OVER = ("failed", "canceled")
"""A release that stands so moved nothing, and never will."""


@dataclass(frozen=True)
class Parts:
    """What of a release the platform keeps and what is tax; in minor units."""

    platform_fee: int
    tax: int


@dataclass(frozen=True)
class Whole:
    """An amount with the fee and the tax in it, in minor units: an order, or releases so far."""

    amount: int
    platform_fee: int
    tax: int


def split(amount: int, *, order: Whole, before: Whole) -> Parts:
    """Return the parts of a release of `amount`, after the releases summed up in `before`.

    Both are shared out pro rata, rounded down over all releases together: so they never differ by
    a whole unit from the exact share, and when all is released, nothing is over or missing. No
    release bears more than itself: one of a unit or two may leave a unit of the fee to the next.
    """
    released = min(before.amount + amount, order.amount)
    tax = order.tax * released // order.amount - before.tax
    tax = min(max(tax, 0), amount)
    fee = order.platform_fee * released // order.amount - before.platform_fee
    return Parts(platform_fee=min(max(fee, 0), amount - tax), tax=tax)


def parts_of(session: Session, order: Order, amount: int) -> Parts:
    """Return the parts of the next release of a locked order.

    What is asked for counts as what is released; what failed or was canceled does not.
    """
    whole = Whole(order.amount, order.platform_fee, order.tax_amount)
    return split(amount, order=whole, before=_released_before(session, order.id))


def _released_before(session: Session, order_id: str) -> Whole:
    found = select(
        func.coalesce(func.sum(Release.amount), 0).label("amount"),
        func.coalesce(func.sum(Release.platform_fee), 0).label("platform_fee"),
        func.coalesce(func.sum(Release.tax), 0).label("tax"),
    ).where(Release.order_id == order_id, Release.status.not_in(OVER))
    sums = session.execute(found).one()
    return Whole(int(sums.amount), int(sums.platform_fee), int(sums.tax))
