"""The way from the shop to the bank's page, and what is said where there is none."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from sandbox.shop.app import create_app
from sandbox.shop.settings import read_shop_settings
from tests.sandbox.shop.fake_strongroom import FakeStrongroom

URL = "http://127.0.0.1:8001"
PAGE = "http://127.0.0.1:8005"
ORDER = {
    "id": "ord_1",
    "buyer_id": "pty_buyer",
    "currency": "EUR",
    "amount": "11900",
    "tax_amount": "1900",
    "lines": [],
}


LINK = "/api/payments/bank/link"


@pytest.fixture
def strongroom() -> Iterator[FakeStrongroom]:
    with FakeStrongroom() as strongroom:
        strongroom.shows("/api/orders/ord_1", ORDER)
        strongroom.answers(LINK, 201, {"link_url": f"{PAGE}/payments#payment_id=1"})
        yield strongroom


@pytest.fixture
def browser(strongroom: FakeStrongroom) -> FlaskClient:
    environment = {
        "STRONGROOM_URL": strongroom.url,
        "STRONGROOM_API_KEY": "srk_test_never_shown",
        "SHOP_IDENTITY_KEY": "never shown either",
        "BANK_PAGE_ORIGINS": PAGE,
        "BANK_CURRENCIES": "EUR,USD",
    }
    return create_app(read_shop_settings(environment, port=8001)).test_client()


def press(browser: FlaskClient, *, attempt: int = 1) -> tuple[int, str | None]:
    answer = browser.post(
        "/checkout/ord_1/bank",
        data={"attempt": attempt},
        base_url=URL,
        headers={"Origin": URL},
    )
    return answer.status_code, answer.location


def test_the_button_leads_to_the_banks_page_and_back_to_the_order(
    browser: FlaskClient, strongroom: FakeStrongroom
) -> None:
    assert press(browser) == (303, f"{PAGE}/payments#payment_id=1")
    press(browser)
    press(browser, attempt=2)
    first, again, other = strongroom.asked(LINK)
    assert first == {
        "reference": "bank-ord_1-1",
        "order_id": "ord_1",
        "return_url": f"{URL}/orders/ord_1",
    }
    assert again == first
    assert other["reference"] != first["reference"]


def test_a_closed_page_is_followed_by_another_attempt(
    browser: FlaskClient, strongroom: FakeStrongroom
) -> None:
    strongroom.answers(LINK, 201, {"link_url": None})
    assert press(browser, attempt=2) == (303, "/checkout/ord_1?attempt=3")


@pytest.mark.parametrize("code", ["order_not_open", "payment_in_progress"])
def test_who_has_paid_is_shown_the_order(
    browser: FlaskClient, strongroom: FakeStrongroom, code: str
) -> None:
    strongroom.answers(LINK, 409, {"code": code})
    assert press(browser) == (303, "/orders/ord_1")


def test_a_refusal_is_said_politely(browser: FlaskClient, strongroom: FakeStrongroom) -> None:
    refusal = {"code": "provider_refused", "detail": "Not today."}
    strongroom.answers(LINK, 409, refusal)
    assert press(browser) == (502, None)


def test_nobody_pays_an_order_that_is_not_theirs(
    browser: FlaskClient, strongroom: FakeStrongroom
) -> None:
    strongroom.shows("/api/orders/ord_1", {**ORDER, "buyer_id": "pty_somebody_else"})
    assert press(browser)[0] == 404
    assert strongroom.asked(LINK) == []


@pytest.mark.parametrize(("currency", "offered"), [("EUR", True), ("JPY", False)])
def test_the_button_is_there_for_currencies_of_our_accounts(
    browser: FlaskClient, strongroom: FakeStrongroom, currency: str, *, offered: bool
) -> None:
    strongroom.shows("/api/orders/ord_1", {**ORDER, "currency": currency})
    page = browser.get("/checkout/ord_1", base_url=URL)
    assert ("Pay by bank" in page.text) == offered
    assert f"form-action 'self' {PAGE};" in page.headers["Content-Security-Policy"]
