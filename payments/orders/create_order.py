"""Places an order; everything that is later paid, held and released comes from its totals."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ForbiddenError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.orders.order_input import OrderInput, check_order
from payments.orders.tables import Order, OrderLine
from payments.orders.totals import LineInput, Totals, plain_rate
from payments.orders.view import OrderView, view_order

OPERATION = "orders.create"


def create_order(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    buyer_id: str,
    seller_id: str,
    currency: str,
    lines: Sequence[LineInput],
    platform_fee: int,
    now: dt.datetime,
) -> Answered[OrderView]:
    """Place an order once per reference.

    Raises:
        ForbiddenError: for a buyer or seller: prices come from the platform, not from a browser.
        InvalidRequestError, InProgressError, ReferenceReusedError.
    """
    if caller.is_person:
        raise ForbiddenError("Orders are placed by the platform's backend.")
    order = OrderInput(buyer_id, seller_id, currency, tuple(lines), platform_fee)
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(order.content()),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(view_order(session.get_one(Order, claim.replayed_id)), replayed=True)
    totals = check_order(session, order)
    row = _new_row(order, totals, now=now)
    session.add(row)
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    return Answered(view_order(row), replayed=False)


def _new_row(order: OrderInput, totals: Totals, *, now: dt.datetime) -> Order:
    lines = [
        OrderLine(
            line=number,
            description=line.description,
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            tax_rate=plain_rate(line.tax_rate),
            tax_category=line.category,
            tax_note=line.tax_note,
        )
        for number, line in enumerate(order.lines, start=1)
    ]
    return Order(
        id=new_id("ord", now=now),
        buyer_id=order.buyer_id,
        seller_id=order.seller_id,
        currency=order.currency,
        amount=totals.amount,
        tax_amount=totals.tax,
        platform_fee=order.platform_fee,
        status="open",
        created_at=now,
        updated_at=now,
        lines=lines,
    )
