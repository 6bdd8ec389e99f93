"""The page that takes cards: what it loads is what the inventory and its policy name."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route

from sandbox.shop.content_policy import STRIPE_FRAMES, checkout_policy
from sandbox.shop.settings import STRIPE_JS_URL, ShopSettings, read_shop_settings
from tests.browser.conftest import Browse
from tests.browser.visit import Visit
from tests.databases import ROOT
from tests.journeys.conftest import System

INVENTORY = json.loads((ROOT / "docs" / "checkout-scripts.json").read_text(encoding="utf-8"))


def checkout(browse: Browse, system: System) -> Visit:
    visit = browse()
    visit.goto(f"{system.way_in.shop_url}/checkout/{system.order()['id']}")
    visit.page.get_by_label("Card number").wait_for()
    return visit


def test_row_11_it_loads_the_scripts_of_the_inventory_and_no_others(
    browse: Browse, system: System
) -> None:
    visit = checkout(browse, system)
    stand_in = f"{system.way_in.stripe_api_url}/v3/"
    named = {url.replace(stand_in, STRIPE_JS_URL) for url in visit.loaded("script")}
    assert {url.replace(system.way_in.shop_url, "") for url in named} == {
        each["source"] for each in INVENTORY["scripts"]
    }
    origins = {urlsplit(request.url).netloc for request in visit.requests}
    way_in = system.way_in
    known = (way_in.shop_url, way_in.base_url, way_in.stripe_api_url)
    assert origins <= {urlsplit(url).netloc for url in known}


def test_a_card_is_paid_and_the_banks_question_is_shown_in_its_frame(
    browse: Browse, system: System
) -> None:
    visit = checkout(browse, system)
    visit.picture("checkout")
    visit.page.get_by_role("button", name="3D Secure").click()
    visit.page.locator("#pay").click()
    frame = visit.page.frame_locator("iframe")
    frame.get_by_role("button").first.wait_for()
    visit.picture("3d-secure")
    (framed,) = [each for each in visit.page.frames if each.parent_frame is not None]
    assert framed.url.startswith(system.way_in.stripe_api_url)


@pytest.fixture
def real_stripe(system: System) -> ShopSettings:
    given = {
        "STRONGROOM_URL": system.way_in.base_url,
        "STRONGROOM_API_KEY": "srk_test_unused",
        "SHOP_IDENTITY_KEY": "unused",
    }
    return read_shop_settings(given, port=8001)


def test_row_03_with_stripe_itself_its_script_calls_and_frames_are_let_in_and_nobody_elses(
    browse: Browse, real_stripe: ShopSettings
) -> None:
    """The policy of a shop in production; what would come from the network is played."""
    visit = browse()
    policy = "; ".join(f"{name} {value}" for name, value in checkout_policy(real_stripe).items())
    page = f'<title>Checkout</title><script src="{STRIPE_JS_URL}"></script><p>Pay</p>'
    play(visit.page, page, policy)
    visit.goto("https://shop.test/checkout/ord_1")
    assert visit.page.evaluate("window.stripeRan") is True
    visit.until(lambda: len(visit.page.frames) == 1 + len(STRIPE_FRAMES))
    visit.until(lambda: all("Stripe" in frame.content() for frame in visit.page.frames[1:]))
    assert visit.page.evaluate("window.stripeAnswered") == 200
    assert visit.unexpected() == []
    visit.expects(".")
    for address in ("https://stripe.com.evil.test/", "https://js.stripe.com.evil.test/"):
        visit.page.evaluate(
            """(url) => {
              for (const tag of ['script', 'iframe', 'img']) {
                document.body.append(Object.assign(document.createElement(tag), {src: url}));
              }
              fetch(url).catch(() => {});
            }""",
            address,
        )
    visit.until(lambda: len(visit.violations) == 8)
    assert not any("evil" in frame.url for frame in visit.page.frames)


STRIPE = """
window.stripeRan = true;
const frames = ['https://js.stripe.com/a', 'https://b.js.stripe.com/', 'https://hooks.stripe.com/'];
for (const url of frames) {
  document.head.parentNode.append(Object.assign(document.createElement('iframe'), {src: url}));
}
fetch('https://api.stripe.com/v1/').then((a) => { window.stripeAnswered = a.status; });
"""


def play(page: Page, shop: str, policy: str) -> None:
    """Answer for the shop, for Stripe and for whoever else is asked."""

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.netloc == "shop.test":
            headers = {"Content-Security-Policy": policy}
            route.fulfill(body=shop, content_type="text/html", headers=headers)
        elif route.request.url == STRIPE_JS_URL:
            route.fulfill(body=STRIPE, content_type="text/javascript")
        elif url.netloc == "api.stripe.com":
            allowed = {"Access-Control-Allow-Origin": "*"}
            route.fulfill(body="{}", content_type="application/json", headers=allowed)
        else:
            route.fulfill(body="<p>Stripe</p>", content_type="text/html")

    page.route("**/*", answer)
