"""What goes wrong for a buyer, what the shop says then, and how they pay all the same."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from playwright.sync_api import Route, expect

from payments.database import connect_engine
from sandbox.calls import TIMEOUT_S, confirm_at_stripe, created
from sandbox.way_in import loopback_session
from tests.browser.conftest import Browse
from tests.browser.shop import PATIENCE_MS, ShopVisit
from tests.journeys.bank import BankRail
from tests.journeys.conftest import System

BANNER = "Transfers from banks are late today."


@pytest.fixture
def shop(browse: Browse, system: System) -> ShopVisit:
    return ShopVisit(browse(), system)


@pytest.fixture
def bank(system: System) -> Iterator[BankRail]:
    engine = connect_engine(system.database_url)
    yield BankRail(system, engine)
    engine.dispose()


def test_a_declined_card_is_explained_and_another_one_pays(shop: ShopVisit) -> None:
    shop.visit.expects("status of 402")  # Stripe's answer to a card that is declined
    shop.checkout()
    shop.choose_card("Declined")
    shop.press("Pay $135.00")
    shop.warns("Please try another card.")
    shop.picture("declined")
    shop.choose_card("Succeeds")
    shop.press("Pay $135.00")
    shop.says("Paid, and held safely")


def test_a_payment_by_bank_that_was_left_is_paid_by_card(shop: ShopVisit) -> None:
    shop.checkout()
    shop.press("Pay by bank")
    shop.press("Cancel and go back")
    shop.says("Not paid")
    shop.picture("canceled")
    shop.page.get_by_role("link", name="Go to the checkout").click()
    shop.choose_card("Succeeds")
    shop.press("Pay $135.00")
    shop.says("Paid, and held safely")


def test_a_page_of_the_bank_that_has_expired_is_followed_by_another_attempt(
    shop: ShopVisit, bank: BankRail
) -> None:
    order = shop.checkout()
    shop.press("Pay by bank")
    shop.page.wait_for_url(f"{shop.system.way_in.bank_api_url}/pay/**")
    listed = bank.call(shop.system.cast.buyer, "GET", f"payments?order_id={order}")
    [by_bank] = [one for one in created(listed)["data"] if one["rail"] == "bank"]
    bank.let_deadline_pass(by_bank)
    shop.goto(f"/orders/{order}")
    shop.says("Too late")
    shop.picture("expired")
    shop.goto(f"/checkout/{order}")  # an old tab, or a link in a mail
    shop.page.wait_for_url(f"**/checkout/{order}?attempt=2#again")
    shop.warns("Your last attempt to pay has ended, and nothing was paid.")
    shop.press("Pay by bank")
    shop.page.wait_for_url(f"{shop.system.way_in.bank_api_url}/pay/**")


def test_a_stream_that_is_cut_goes_on_where_it_was(shop: ShopVisit) -> None:
    shop.visit.expects("net::ERR_", "/api/events")
    payment = shop.system.payment()
    shop.goto(f"/orders/{payment['order_id']}")
    live = shop.page.locator("#live")
    shop.says("Waiting for your card")
    expect(live).to_have_text("live")
    for worker in web_process(shop.system).children():
        worker.kill()
    expect(live).to_have_text("reconnecting")
    shop.picture("reconnecting")
    confirm_at_stripe(shop.system.way_in, payment, "pm_card_visa")
    shop.says("Paid, and held safely")
    expect(live).to_have_text("live", timeout=PATIENCE_MS)
    streams = [each for each in shop.visit.requests if each.url.endswith("/api/events")]
    assert "last-event-id" in streams[-1].all_headers()


def web_process(system: System) -> psutil.Process:
    """The web server's first process; its children answer requests, and are started anew."""
    port = system.way_in.base_url.rpartition(":")[2]
    [found] = [
        each for each in psutil.Process().children() if f"127.0.0.1:{port}" in each.cmdline()
    ]
    return found


def test_who_is_offline_is_told_so_and_goes_on_afterwards(shop: ShopVisit) -> None:
    shop.visit.expects("net::ERR_INTERNET_DISCONNECTED")
    shop.checkout()
    shop.visit.context.set_offline(True)
    expect(shop.page.get_by_text("You are offline.", exact=True)).to_be_visible()
    shop.press("Pay by bank")
    shop.warns("You are offline")
    shop.picture("offline")
    shop.visit.context.set_offline(False)
    expect(shop.page.get_by_text("You are offline.", exact=True)).to_be_hidden()
    shop.press("Pay by bank")
    shop.page.wait_for_url(f"{shop.system.way_in.bank_api_url}/pay/**")


def test_a_call_that_came_too_fast_is_made_again_by_itself(shop: ShopVisit) -> None:
    shop.visit.expects("status of 429")
    shop.checkout()
    refuse_once(shop, "**/api/payments/bank/link", retry_after_s=40)
    shop.press("Pay by bank")
    shop.warns("Please try again in 40 seconds.")
    refuse_once(shop, "**/api/payments/bank/link", retry_after_s=2)
    shop.press("Pay by bank")
    shop.warns("trying again in 2 seconds")
    shop.picture("too-fast")
    shop.page.wait_for_url(f"{shop.system.way_in.bank_api_url}/pay/**")


def refuse_once(shop: ShopVisit, path: str, *, retry_after_s: int) -> None:
    """Have the next call answered as a rate limit does."""

    def answer(route: Route) -> None:
        if route.request.method == "OPTIONS":
            return route.fallback()
        return route.fulfill(
            status=429,
            headers={
                "Access-Control-Allow-Origin": shop.system.way_in.shop_url,
                "Access-Control-Allow-Credentials": "true",
                "Access-Control-Expose-Headers": "Retry-After",
                "Content-Type": "application/problem+json",
                "Retry-After": str(retry_after_s),
            },
            json={"status": 429, "code": "rate_limited", "title": "Too Many Requests"},
        )

    shop.page.route(path, answer, times=1)


def test_a_session_that_has_ended_is_begun_again(shop: ShopVisit) -> None:
    shop.visit.expects("status of 401")
    shop.checkout()
    shop.visit.context.clear_cookies()
    shop.press("Pay by bank")
    shop.page.wait_for_url(f"{shop.system.way_in.bank_api_url}/pay/**")


@pytest.fixture
def incident(system: System) -> Iterator["Incident"]:
    incident = Incident(system)
    yield incident
    incident.end()


class Incident:
    """An incident with a banner, as the operator opens and ends it."""

    def __init__(self, system: System) -> None:
        self._url = f"{system.way_in.base_url}/api/ops/incidents"
        self._operator = loopback_session(system.way_in.api_keys["operator"])
        self._id: str | None = None

    def begin(self, **asked: Any) -> None:
        """Tell everybody."""
        body = {
            "reference": f"shop-banner-{secrets.token_hex(4)}",
            "title": "A test",
            "severity": "P2",
            **asked,
        }
        self._id = created(self._operator.post(self._url, json=body, timeout=TIMEOUT_S))["id"]

    def end(self) -> None:
        """Say that it is over, unless that was said."""
        if self._id is not None:
            body = {"reference": f"over-{self._id}", "status": "resolved"}
            url = f"{self._url}/{self._id}"
            created(self._operator.patch(url, json=body, timeout=TIMEOUT_S))
        self._id = None


def test_an_incidents_banner_comes_and_goes_on_open_pages(
    shop: ShopVisit, browse: Browse, incident: Incident
) -> None:
    payment = shop.system.payment()
    shop.goto(f"/orders/{payment['order_id']}")
    checkout = ShopVisit(browse(), shop.system)
    checkout.checkout()
    incident.begin(banner=BANNER, components=["bank"], expected_at="2100-01-01T12:00:00Z")
    for page in (shop.page, checkout.page):
        expect(page.locator("#banner")).to_contain_text(BANNER)
        expect(page.locator("#banner")).to_contain_text(re.compile("over by 1 Jan 2100, "))
    expect(checkout.page.locator("[data-component=bank]")).to_be_visible()
    expect(checkout.page.locator("[data-component=card]")).to_be_hidden()
    shop.picture("order")
    checkout.picture("checkout")
    incident.end()
    for page in (shop.page, checkout.page):
        expect(page.locator("#banner")).to_be_hidden()


def test_who_comes_during_an_incident_sees_its_banner(shop: ShopVisit, incident: Incident) -> None:
    incident.begin(banner=BANNER)
    shop.goto("/")
    expect(shop.page.locator("#banner")).to_contain_text(BANNER)
    shop.picture("catalogue")
