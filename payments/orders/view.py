"""An order as callers see it."""

import datetime as dt
from dataclasses import dataclass

from payments.orders.tables import Order, OrderLine
from payments.orders.totals import STANDARD, LineInput, category_of, plain_rate


@dataclass(frozen=True)
class OrderView:
    """What a buyer owes a seller; amounts in minor units of `currency`.

    `amount` includes `tax_amount`; `platform_fee` is the platform's part of the net amount.
    """

    id: str
    buyer_id: str
    seller_id: str
    currency: str
    amount: int
    tax_amount: int
    platform_fee: int
    status: str
    lines: tuple[LineInput, ...]
    created_at: dt.datetime
    updated_at: dt.datetime


def view_order(row: Order) -> OrderView:
    """Return the order with its lines."""
    return OrderView(
        id=row.id,
        buyer_id=row.buyer_id,
        seller_id=row.seller_id,
        currency=row.currency,
        amount=row.amount,
        tax_amount=row.tax_amount,
        platform_fee=row.platform_fee,
        status=row.status,
        lines=tuple(map(_view_line, row.lines)),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _view_line(row: OrderLine) -> LineInput:
    rate, category = plain_rate(row.tax_rate), row.tax_category
    return LineInput(
        row.description,
        row.quantity,
        row.unit_amount,
        rate,
        # Lines of before there were categories are all kept as standard ones.
        tax_category=category_of(rate) if category == STANDARD else category,
        tax_note=row.tax_note,
    )
