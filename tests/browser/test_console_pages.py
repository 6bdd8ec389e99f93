"""The console's pages of money in Chromium: found by a number, live, masked, honest in the form."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from sandbox.calls import TIMEOUT_S, created
from tests.browser.conftest import Browse
from tests.browser.visit import Visit
from tests.journeys.conftest import System


@pytest.fixture(scope="module")
def paid(system: System) -> dict[str, Any]:
    """A payment that was paid by card."""
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")
    return payment


def open_page(visit: Visit, system: System, path: str) -> None:
    assert visit.goto(system.way_in.base_url + path).status == 200
    expect(visit.page.get_by_role("heading", level=1)).to_be_visible()


def test_a_number_leads_to_the_money_by_keyboard_alone(
    browse: Browse, system: System, paid: dict[str, Any]
) -> None:
    visit = browse(who="support")
    open_page(visit, system, "/console")
    page = visit.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(paid["order_id"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/orders/{paid['order_id']}")
    page.locator(f"a[href='/console/payments/{paid['id']}']").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/payments/{paid['id']}")
    expect(page.locator("#places")).to_contain_text("is held for the order")


def test_what_happens_meanwhile_shows_by_itself(
    browse: Browse, system: System, paid: dict[str, Any]
) -> None:
    visit = browse(who="support")
    open_page(visit, system, f"/console/payments/{paid['id']}")
    page = visit.page
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    page.evaluate("window.sameDocument = true")
    refund = {"reference": f"live-{paid['id']}", "amount": "500"}
    url = f"{system.way_in.base_url}/api/payments/{paid['id']}/refunds"
    created(system.cast.backend.post(url, json=refund, timeout=TIMEOUT_S))
    expect(page.locator("#places")).to_contain_text("went back to the buyer", timeout=20_000)
    expect(page.locator("#story")).to_contain_text("Refund to the buyer")
    assert page.evaluate("window.sameDocument") is True
    visit.picture("after-a-refund")


def test_a_name_is_hidden_until_somebody_says_why(
    browse: Browse, system: System, paid: dict[str, Any]
) -> None:
    visit = browse(who="support")
    open_page(visit, system, f"/console/orders/{paid['order_id']}")
    page = visit.page
    buyer = page.locator(".card").filter(has=page.get_by_role("heading", name="Buyer"))
    expect(buyer.locator("[data-field=name]")).to_have_text(re.compile("^•+$"))
    buyer.get_by_role("button", name="Reveal…").click()
    dialog = page.get_by_role("dialog")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    buyer.get_by_role("button", name="Reveal…").click()
    dialog.get_by_role("button", name="Reveal").click()  # without a reason nothing is sent
    expect(dialog).to_be_visible()
    dialog.get_by_role("textbox").fill("Ticket 4711: «Где s Geld?» 💶\n100 %")
    visit.picture("reveal")
    dialog.get_by_role("button", name="Reveal").click()
    expect(buyer.locator("[data-field=name]")).to_have_text("Example Buyer")
    audit = system.way_in.base_url + "/api/audit"
    admin = browse(who="admin").context.request
    [entry, *_] = admin.get(audit, params={"action": "parties.read"}).json()["data"]
    assert entry["reason"] == "Ticket 4711: «Где s Geld?» 💶 100 %"
    assert entry["role"] == "support"


def test_an_amount_is_written_as_people_write_it_and_a_wrong_one_is_said_at_its_field(
    browse: Browse, system: System, paid: dict[str, Any]
) -> None:
    visit = browse(who="support")
    visit.expects("status of 4")
    open_page(visit, system, f"/console/payments/{paid['id']}")
    page = visit.page
    amount = page.get_by_label("Amount in USD")
    amount.fill("twelve")
    page.locator("#refund").get_by_role("button", name="Refund").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Refund").click()
    expect(dialog.get_by_role("alert")).to_contain_text("minor units")
    visit.picture("refused", whole=False)
    page.keyboard.press("Escape")
    expect(amount).to_have_value("twelve")
    expect(amount).to_have_attribute("aria-invalid", "true")
    amount.fill("1.5")
    page.locator("#refund").get_by_role("button", name="Refund").click()
    with page.expect_response(re.compile("/refunds$")) as answered:
        page.get_by_role("dialog").get_by_role("button", name="Refund").click()
    assert answered.value.json()["amount"] == "150"
    expect(page.locator("[data-told]")).to_contain_text("The refund is on its way.")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_who_has_no_page_is_told_where_to_go(browse: Browse, system: System) -> None:
    visit = browse(who="operator")
    visit.expects("status of 40")
    assert visit.goto(f"{system.way_in.base_url}/console/payments/pay_0").status == 404
    visit.picture("not-there")
    assert visit.goto(f"{system.way_in.base_url}/console/finance").status == 403
    visit.page.get_by_role("link", name="To the overview").click()
    visit.page.wait_for_url("**/console")
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page.get_by_role("heading", name="Sign in to the console")).to_be_visible()
    visit.picture("signed-out")
