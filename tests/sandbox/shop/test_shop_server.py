"""The shop's server keeps its keys to itself, its pages to one origin, and its prices exact."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sandbox.shop import app as shop_app
from sandbox.shop.catalogue import PRODUCTS, written
from sandbox.shop.settings import STRIPE_JS_URL, read_shop_settings

ENVIRONMENT = {
    "STRONGROOM_URL": "http://127.0.0.1:1",  # nobody listens there
    "STRONGROOM_API_KEY": "srk_test_never_shown",
    "SHOP_IDENTITY_KEY": "never shown either",
    "STRIPE_JS_URL": "http://127.0.0.1:8002/v3/",
    "CHAIN_RPC_URL": "http://127.0.0.1:1",
    "SHOP_WALLET_KEY": "77" * 32,
}
URL = "http://127.0.0.1:8001"
FOLDER = Path(shop_app.__file__).parent


@pytest.fixture
def browser() -> FlaskClient:
    settings = read_shop_settings(ENVIRONMENT, port=8001)
    return shop_app.create_app(settings).test_client()


def test_the_catalogue_shows_every_product_and_no_secret(browser: FlaskClient) -> None:
    page = browser.get("/", base_url=URL).text
    assert all(product.name in page for product in PRODUCTS)
    assert "never" not in page
    assert ENVIRONMENT["SHOP_WALLET_KEY"] not in page


def test_nothing_inline_may_run(browser: FlaskClient) -> None:
    policy = browser.get("/", base_url=URL).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "8002" not in policy  # Stripe, which the checkout alone needs
    for page in FOLDER.glob("pages/*.html"):
        assert not re.search(
            r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page.read_text()
        )


def test_localhost_is_sent_to_the_address_the_cookie_belongs_to(browser: FlaskClient) -> None:
    answer = browser.get("/orders/ord_1?a=b", base_url="http://localhost:8001")
    assert (answer.status_code, answer.location) == (308, f"{URL}/orders/ord_1?a=b")


@pytest.mark.parametrize("origin", [None, "https://elsewhere.example", "null"])
def test_other_sites_can_neither_buy_nor_get_a_token(
    browser: FlaskClient, origin: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}
    orders = ("/orders/ord_1/refund", "/orders/ord_1/release", "/orders/ord_1/deposit")
    for path in ("/buy", "/token", *orders):
        assert browser.post(path, base_url=URL, headers=headers).status_code == 403


def test_a_missing_strongroom_is_said_politely(browser: FlaskClient) -> None:
    answer = browser.get("/checkout/ord_1", base_url=URL)
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text


def test_real_stripe_js_is_used_unless_another_is_named() -> None:
    given = {name: value for name, value in ENVIRONMENT.items() if name != "STRIPE_JS_URL"}
    settings = read_shop_settings(given, port=8001)
    assert settings.stripe_js_url == STRIPE_JS_URL
    assert settings.uses_real_stripe
    assert "never" not in repr(settings)
    assert "wwww" not in repr(settings)  # the wallet's key, as Python would write it


def test_prices_are_exact() -> None:
    for product in PRODUCTS:
        assert product.price * 100 == product.net * (100 + product.tax_percent)
    assert written(1190000, "EUR") == "€11,900.00"
    assert written(4400, "JPY") == "¥4,400"
    assert written(5, "USD") == "$0.05"
    assert written(47_600_000, "USDC") == "USDC 47.60"
    assert written(1_234_567_891, "USDC") == "USDC 1,234.567891"
    assert written(10**18 + 1, "ETH") == "ETH 1.000000000000000001"
