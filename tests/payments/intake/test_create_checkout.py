"""A payment on Stripe's page: its amount is the order's, its ways back are trusted."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from payments.database import transaction
from payments.errors import ConflictError, InvalidRequestError, UnavailableError
from payments.idempotency import Answered
from payments.intake.create_checkout import CreatedCheckout, create_checkout, page_lines
from payments.intake.poll_payments import poll_payments
from payments.intake.resolve_calls import resolve_calls
from payments.orders.create_order import create_order
from payments.orders.tables import Order
from payments.orders.totals import LineInput
from payments.orders.view import OrderView
from payments.providers.stripe import checkout
from tests.payments.conftest import Line
from tests.payments.intake.counter import ORIGINS, Counter
from tests.payments.shop import CIPHER, NOW, SERVICE, new_reference

PAID = "https://shop.test/paid?session={CHECKOUT_SESSION_ID}"
LEFT = "https://shop.test/left"


@pytest.fixture(autouse=True)
def real_time(counter: Counter) -> None:
    """The simulated Stripe's clock is the real one, and it checks when a page is to expire."""
    counter.now = dt.datetime.now(dt.UTC)  # noqa: TID251 - as said


def start(counter: Counter, order_id: str, **changed: Any) -> Answered[CreatedCheckout]:
    call: dict[str, Any] = {"reference": new_reference(), "success_url": PAID, "cancel_url": LEFT}
    return create_checkout(
        counter.shop.engine,
        caller=counter.shop.buyer,
        order_id=order_id,
        trusted_origins=ORIGINS,
        now=counter.now,
        cipher=CIPHER,
        stripe=counter.stripe,
        **(call | changed),
    )


def test_a_page_is_made_once(counter: Counter, line: Line) -> None:
    order, reference = counter.shop.order(), new_reference()
    first = start(counter, order.id, reference=reference)
    again = start(counter, order.id, reference=reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource == again.resource
    assert len(line.keys) == 1
    page = checkout.retrieve(counter.stripe, session_ref=first.resource.session_ref)
    assert (page.url, page.status) == (first.resource.url, "open")
    assert page.shown["amount_total"] == order.amount == first.resource.payment.amount
    assert page.shown["success_url"] == PAID
    row = counter.row(first.resource.payment.id)
    assert page.shown["metadata"] == {"payment_id": row.id, "order_id": order.id}
    assert (first.resource.url or "").encode() not in (row.checkout_url_encrypted or b"")


def order_of(counter: Counter, lines: list[LineInput]) -> OrderView:
    with transaction(counter.shop.engine) as session:
        return create_order(
            session,
            caller=SERVICE,
            reference=new_reference(),
            buyer_id=counter.shop.buyer_id,
            seller_id=counter.shop.seller_id,
            currency="EUR",
            lines=lines,
            platform_fee=0,
            now=NOW,
        ).resource


@pytest.mark.parametrize("count", [1, 3, 99, 120])
def test_what_the_page_lists_adds_up_to_the_orders_amount(counter: Counter, count: int) -> None:
    rates = (Decimal(19), Decimal("7.7"), Decimal(0))
    lines = [LineInput("A thing", 1 + n % 3, 333 + n, rates[n % 3]) for n in range(count)]
    order = order_of(counter, lines)
    with transaction(counter.shop.engine) as session:
        listed = page_lines(session.get_one(Order, order.id))
    assert sum(line.amount for line in listed) == order.amount
    assert len(listed) <= 100


def test_ways_back_are_trusted(counter: Counter) -> None:
    order = counter.shop.order()
    for changed in ({"success_url": "https://evil.test/"}, {"cancel_url": "http://shop.test/"}):
        with pytest.raises(InvalidRequestError) as caught:
            start(counter, order.id, **changed)
        assert caught.value.errors.keys() == changed.keys()


def test_a_page_nobody_heard_of_is_found_by_asking_again(counter: Counter, line: Line) -> None:
    order, reference = counter.shop.order(), new_reference()
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        start(counter, order.id, reference=reference)
    line.fault = None
    counter.wait(seconds=70)
    outcome = resolve_calls(
        counter.shop.engine, limit=50, now=counter.now, cipher=CIPHER, providers=counter.providers
    )
    assert outcome["done"] >= 1
    found = start(counter, order.id, reference=reference)
    assert found.replayed
    assert found.resource.url
    assert len(set(line.keys)) == 1


def test_a_canceled_page_is_closed(counter: Counter) -> None:
    payment = start(counter, counter.shop.order().id).resource.payment
    assert counter.cancel(payment.id).resource.status == "canceled"
    row = counter.row(payment.id)
    page = checkout.retrieve(counter.stripe, session_ref=row.checkout_session_ref or "")
    assert page.status == "expired"


def test_a_page_is_not_confirmed_from_our_side(counter: Counter) -> None:
    payment = start(counter, counter.shop.order().id).resource.payment
    with pytest.raises(ConflictError) as caught:
        counter.confirm(payment.id)
    assert caught.value.code == "payment_not_confirmable"


def test_a_newer_payment_closes_the_page(counter: Counter) -> None:
    order = counter.shop.order()
    older = start(counter, order.id).resource.payment
    counter.start(order)
    poll_payments(counter.shop.engine, limit=500, now=counter.now, providers=counter.providers)
    row = counter.row(older.id)
    assert row.status == "canceled"
    page = checkout.retrieve(counter.stripe, session_ref=row.checkout_session_ref or "")
    assert page.status == "expired"


def test_a_page_that_was_left_expires(counter: Counter) -> None:
    payment = start(counter, counter.shop.order().id).resource.payment
    counter.wait(hours=24)
    poll_payments(counter.shop.engine, limit=500, now=counter.now, providers=counter.providers)
    assert counter.row(payment.id).status == "expired"
