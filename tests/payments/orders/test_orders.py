"""Orders are placed once, by the platform, and shown to their two parties."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    ReferenceReusedError,
)
from payments.idempotency import Answered
from payments.orders.create_order import create_order
from payments.orders.order_input import OrderInput
from payments.orders.read_order import read_order
from payments.orders.totals import LineInput
from payments.orders.view import OrderView
from tests.payments.shop import NOW, SERVICE, Shop, new_party, new_reference, open_shop, person


def taxed(rate: str, category: str | None = None, note: str | None = None) -> LineInput:
    return LineInput("x", 1, 100_000, Decimal(rate), category, note)


LINES = (LineInput("A print", 2, 4_000, Decimal(19)), LineInput("A book", 1, 999, Decimal("7.5")))


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


def place(
    shop: Shop, reference: str, *, caller: Caller = SERVICE, **changed: Any
) -> Answered[OrderView]:
    wanted: dict[str, Any] = {
        "buyer_id": shop.buyer_id,
        "seller_id": shop.seller_id,
        "currency": "EUR",
        "lines": LINES,
        "platform_fee": 450,
    }
    with transaction(shop.engine) as session:
        return create_order(
            session, caller=caller, reference=reference, now=NOW, **(wanted | changed)
        )


def test_an_order_is_placed_once_with_its_totals(shop: Shop) -> None:
    reference = new_reference()
    first, again = place(shop, reference), place(shop, reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.resource == first.resource
    order = first.resource
    assert (order.amount, order.tax_amount, order.status) == (8_999 + 1_595, 1_520 + 75, "open")
    assert order.lines == tuple(replace(line, tax_category="standard") for line in LINES)
    assert [str(line.tax_rate) for line in again.resource.lines] == ["19", "7.5"]


def test_the_same_rate_in_other_digits_is_the_same_order(shop: Shop) -> None:
    reference = new_reference()
    place(shop, reference)
    written = (LineInput("A print", 2, 4_000, Decimal("19.000")), LINES[1])
    assert place(shop, reference, lines=written).replayed
    with pytest.raises(ReferenceReusedError):
        place(shop, reference, platform_fee=0)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("currency", {"currency": "XYZ"}),
        ("lines", {"lines": ()}),
        ("lines", {"lines": (LineInput("Free", 1, 0, Decimal(0)),), "platform_fee": 0}),
        ("lines.0.quantity", {"lines": (LineInput("x", 0, 1, Decimal(0)),)}),
        ("lines.0.description", {"lines": (LineInput(" ", 1, 1, Decimal(0)),)}),
        ("lines.0.unit_amount", {"lines": (LineInput("x", 1, -1, Decimal(0)),)}),
        ("lines.0.tax_rate", {"lines": (LineInput("x", 1, 1, Decimal("100.001")),)}),
        ("lines.0.tax_rate", {"lines": (LineInput("x", 1, 1, Decimal("1.0001")),)}),
        ("lines.0.tax_rate", {"lines": (LineInput("x", 1, 1, Decimal("NaN")),)}),
        ("lines.0.tax_category", {"lines": (taxed("19", "reverse_charge"),)}),
        ("lines.0.tax_category", {"lines": (taxed("0", "standard"),)}),
        ("lines.0.tax_category", {"lines": (taxed("0", "unknown"),)}),
        ("lines.0.tax_note", {"lines": (taxed("0", "exempt"),)}),
        ("lines.0.tax_note", {"lines": (taxed("19", None, "Just so."),)}),
        ("platform_fee", {"platform_fee": 9_000}),  # net is 8,999: the fee is not taken from tax
        ("platform_fee", {"platform_fee": -1}),
        ("buyer_id", {"buyer_id": "pty_unknown"}),
    ],
)
def test_what_is_wrong_is_named(shop: Shop, field: str, changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        place(shop, new_reference(), **changed)
    assert list(caught.value.errors) == [field]


def test_a_request_of_before_there_were_categories_is_still_the_same() -> None:
    """Fingerprints are kept: what goes without saying is not in them."""
    order = OrderInput("pty_1", "pty_2", "EUR", LINES, 0)
    [first, _second] = order.content()["lines"]
    assert first == {
        "description": "A print",
        "quantity": 2,
        "unit_amount": 4_000,
        "tax_rate": "19",
    }
    said = replace(order, lines=tuple(replace(line, tax_category="standard") for line in LINES))
    assert said.content() == order.content()


def test_the_category_and_note_of_a_line_are_kept(shop: Shop) -> None:
    lines = (taxed("0"), taxed("0", "reverse_charge"), taxed("0", "exempt", "Training"))
    order = place(shop, new_reference(), lines=lines, platform_fee=0).resource
    assert [(line.tax_category, line.tax_note) for line in order.lines] == [
        ("zero_rated", None),
        ("reverse_charge", None),
        ("exempt", "Training"),
    ]


def test_nobody_buys_from_themselves(shop: Shop) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        place(shop, new_reference(), seller_id=shop.buyer_id)
    assert list(caught.value.errors) == ["seller_id"]


def test_a_refused_order_does_not_burn_its_reference(shop: Shop) -> None:
    reference = new_reference()
    with pytest.raises(InvalidRequestError):
        place(shop, reference, currency="XYZ")
    assert not place(shop, reference).replayed


def test_people_do_not_set_their_own_prices(shop: Shop) -> None:
    for caller in (shop.buyer, shop.seller):
        with pytest.raises(ForbiddenError):
            place(shop, new_reference(), caller=caller)


def test_amounts_of_any_size_are_exact(shop: Shop) -> None:
    wei = 9_220_000_000_000_000_001 * 10**18
    lines = (LineInput("A ship", 1, wei, Decimal(0)),)
    order = place(shop, new_reference(), currency="ETH", lines=lines, platform_fee=1).resource
    with transaction(shop.engine) as session:
        assert read_order(session, caller=SERVICE, order_id=order.id).amount == wei


def test_an_order_is_shown_to_its_two_parties_and_to_nobody_else(
    shop: Shop, engine: Engine
) -> None:
    order = place(shop, new_reference()).resource
    with transaction(engine) as session:
        finance = Caller(principal="key:finance", role=Role.FINANCE)
        for caller in (shop.buyer, shop.seller, SERVICE, finance):
            assert read_order(session, caller=caller, order_id=order.id) == order
        stranger = person(new_party(engine))
        for caller, order_id in ((stranger, order.id), (SERVICE, "ord_unknown")):
            with pytest.raises(NotFoundError, match="no such order"):
                read_order(session, caller=caller, order_id=order_id)
