"""The checkout's page: whose it is, and which ways to pay it offers; what they do is JavaScript."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from sandbox.shop.app import create_app
from sandbox.shop.settings import read_shop_settings
from tests.sandbox.shop.fake_strongroom import FakeStrongroom

URL = "http://127.0.0.1:8001"
ORDER = {
    "id": "ord_1",
    "buyer_id": "pty_buyer",
    "currency": "EUR",
    "amount": "11900",
    "tax_amount": "1900",
    "lines": [],
}


@pytest.fixture
def strongroom() -> Iterator[FakeStrongroom]:
    with FakeStrongroom() as strongroom:
        strongroom.shows("/api/orders/ord_1", ORDER)
        yield strongroom


@pytest.fixture
def browser(strongroom: FakeStrongroom) -> FlaskClient:
    environment = {
        "STRONGROOM_URL": strongroom.url,
        "STRONGROOM_API_KEY": "srk_test_never_shown",
        "SHOP_IDENTITY_KEY": "never shown either",
        "BANK_CURRENCIES": "EUR,USD",
        "CHAIN_RPC_URL": "http://127.0.0.1:1",
        "SHOP_WALLET_KEY": "77" * 32,
    }
    return create_app(read_shop_settings(environment, port=8001)).test_client()


def test_an_order_of_somebody_else_is_not_there(
    browser: FlaskClient, strongroom: FakeStrongroom
) -> None:
    strongroom.shows("/api/orders/ord_1", {**ORDER, "buyer_id": "pty_somebody_else"})
    assert browser.get("/checkout/ord_1", base_url=URL).status_code == 404
    assert browser.get("/orders/ord_1", base_url=URL).status_code == 404


@pytest.mark.parametrize(
    ("currency", "offered"),
    [
        ("EUR", {"pay", "by-bank", "on-stripes-page"}),
        ("JPY", {"pay", "on-stripes-page"}),  # no account of ours takes transfers of it
        ("USDC", {"on-chain"}),
    ],
)
def test_what_is_offered_goes_by_the_currency(
    browser: FlaskClient, strongroom: FakeStrongroom, currency: str, offered: set[str]
) -> None:
    strongroom.shows("/api/orders/ord_1", {**ORDER, "currency": currency})
    page = browser.get("/checkout/ord_1?attempt=3", base_url=URL).text
    buttons = ("pay", "by-bank", "on-stripes-page", "on-chain")
    assert {name for name in buttons if f'id="{name}"' in page} == offered
    assert ("/v3/" in page) == ("pay" in offered)
    assert 'data-attempt="3"' in page
