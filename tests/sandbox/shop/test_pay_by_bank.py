"""The way from the shop to the bank's page, and what is said where there is none."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox.shop.app import create_app
from sandbox.shop.settings import read_shop_settings

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


class Strongroom:
    """What the shop's server calls: one order, and the answers to links that a test wants."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.order: dict[str, Any] = dict(ORDER)
        self.link: tuple[int, dict[str, Any]] = (201, {"link_url": f"{PAGE}/payments#payment_id=1"})
        strongroom = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(200, strongroom.order)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/api/payments/bank/link":
                    strongroom.asked.append(body)
                    self.answer(*strongroom.link)
                else:
                    self.answer(201, {"id": body["reference"].replace("sandbox-", "pty_")})

            def answer(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)


@pytest.fixture
def strongroom() -> Iterator[Strongroom]:
    strongroom = Strongroom()
    thread = Thread(target=strongroom.server.serve_forever, args=(0.01,))
    thread.start()
    yield strongroom
    strongroom.server.shutdown()
    strongroom.server.server_close()
    thread.join()


@pytest.fixture
def browser(strongroom: Strongroom) -> FlaskClient:
    environment = {
        "STRONGROOM_URL": f"http://127.0.0.1:{strongroom.server.server_port}",
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
    browser: FlaskClient, strongroom: Strongroom
) -> None:
    assert press(browser) == (303, f"{PAGE}/payments#payment_id=1")
    press(browser)
    press(browser, attempt=2)
    first, again, other = strongroom.asked
    assert first == {
        "reference": "bank-ord_1-1",
        "order_id": "ord_1",
        "return_url": f"{URL}/orders/ord_1",
    }
    assert again == first
    assert other["reference"] != first["reference"]


def test_a_closed_page_is_followed_by_another_attempt(
    browser: FlaskClient, strongroom: Strongroom
) -> None:
    strongroom.link = (201, {"link_url": None})
    assert press(browser, attempt=2) == (303, "/checkout/ord_1?attempt=3")


@pytest.mark.parametrize("code", ["order_not_open", "payment_in_progress"])
def test_who_has_paid_is_shown_the_order(
    browser: FlaskClient, strongroom: Strongroom, code: str
) -> None:
    strongroom.link = (409, {"code": code})
    assert press(browser) == (303, "/orders/ord_1")


def test_a_refusal_is_said_politely(browser: FlaskClient, strongroom: Strongroom) -> None:
    strongroom.link = (409, {"code": "provider_refused", "detail": "Not today."})
    assert press(browser) == (502, None)


def test_nobody_pays_an_order_that_is_not_theirs(
    browser: FlaskClient, strongroom: Strongroom
) -> None:
    strongroom.order["buyer_id"] = "pty_somebody_else"
    assert press(browser)[0] == 404
    assert strongroom.asked == []


@pytest.mark.parametrize(("currency", "offered"), [("EUR", True), ("JPY", False)])
def test_the_button_is_there_for_currencies_of_our_accounts(
    browser: FlaskClient, strongroom: Strongroom, currency: str, *, offered: bool
) -> None:
    strongroom.order["currency"] = currency
    page = browser.get("/checkout/ord_1", base_url=URL)
    assert ("Pay by bank" in page.text) == offered
    assert f"form-action 'self' {PAGE};" in page.headers["Content-Security-Policy"]
