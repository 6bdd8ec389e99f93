"""People at the console at the same time: what one does, the others see, and cannot undo alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from sandbox.calls import TIMEOUT_S, confirm_at_stripe, created, new_order
from sandbox.way_in import loopback_session
from tests.browser.conftest import Browse
from tests.browser.desk import Desk
from tests.browser.keyboard import tab_to
from tests.journeys.conftest import System

LARGE = "2000000"  # above what one person may release


@pytest.fixture
def large_release(system: System) -> dict[str, Any]:
    """A release of $21,600.00, which the backend has asked for, and a second person agrees to."""
    url, cast = system.way_in.base_url, system.cast
    order = new_order(cast)
    order["lines"][0]["unit_amount"] = LARGE
    order_id = created(cast.backend.post(f"{url}/api/orders", json=order, timeout=TIMEOUT_S))["id"]
    asked = {"reference": f"pay-{order_id}", "order_id": order_id}
    payment = created(cast.buyer.post(f"{url}/api/payments/intents", json=asked, timeout=TIMEOUT_S))
    with system.listening() as listener:
        confirm_at_stripe(system.way_in, payment, "pm_card_visa")
        system.wait_until(listener, payment, "succeeded")
    wanted = {"reference": f"release-{order_id}", "order_id": order_id}
    release = created(
        cast.backend.post(f"{url}/api/escrow/release", json=wanted, timeout=TIMEOUT_S)
    )
    assert release["status"] == "requested"
    return release


@pytest.fixture
def thaw(system: System) -> Iterator[None]:
    """Lift in the end what is frozen still: other tests share the system."""
    yield
    for who in ("operator", "admin"):
        session = loopback_session(system.way_in.api_keys[who])
        url = f"{system.way_in.base_url}/api/ops"
        frozen = created(session.get(f"{url}/freezes", timeout=TIMEOUT_S))["data"]
        for freeze in frozen:
            lift = {
                "reference": f"thaw-{who}-{freeze['id']}",
                "freeze_id": freeze["id"],
                "reason": "The test is over.",
            }
            session.post(f"{url}/unfreeze", json=lift, timeout=TIMEOUT_S)


@pytest.mark.usefixtures("thaw")
def test_a_freeze_stops_a_release_that_is_being_approved(
    browse: Browse, system: System, large_release: dict[str, Any]
) -> None:
    finance = Desk.of(browse, system, "finance")
    finance.visit.expects("status of 409")
    operator = Desk.of(browse, system, "operator")
    for desk in (finance, operator):
        desk.goto("/console/releases")
    finance.row(large_release["id"]).get_by_role("button", name="Approve").click()
    expect(finance.dialog.get_by_text("This would happen")).to_be_visible()
    expect(finance.dialog.locator(".foreseen")).to_contain_text("21,600.00 USD")
    expect(finance.dialog).not_to_contain_text("2160000")
    finance.visit.picture("1-approving", whole=False)

    operator.page.get_by_role("button", name="Freeze releases").click()
    expect(operator.dialog.get_by_text("This would happen")).to_be_visible()
    operator.visit.picture("2-freezing", whole=False)
    operator.confirm("Freeze releases", reason="Two payouts look alike.")
    alarm = operator.page.locator("#freezes").get_by_role("alert")
    expect(alarm).to_contain_text("Two payouts look alike.")

    finance.confirm("Approve")
    expect(finance.dialog.get_by_role("alert")).to_contain_text("frozen")
    finance.visit.picture("3-refused", whole=False)
    finance.goto("/console/releases")
    expect(finance.page.locator("#freezes")).to_contain_text("All releases are frozen")

    operator.page.get_by_role("button", name="Ask to lift it").click()
    operator.confirm("Ask to lift it", reason="They are two orders.")
    expect(alarm).to_contain_text("You asked to lift it")
    second = Desk.of(browse, system, "second_operator")
    second.goto("/console/releases")
    second.visit.picture("4-lifting")
    second.page.get_by_role("button", name="Agree and lift it").click()
    second.confirm("Agree and lift it", reason="I looked at both.")
    expect(second.page.locator("#freezes")).not_to_contain_text("frozen")

    finance.goto("/console/releases")
    finance.row(large_release["id"]).get_by_role("button", name="Approve").click()
    finance.confirm("Approve")
    approved = finance.page.locator("#all").get_by_role("row").filter(has_text=large_release["id"])
    expect(approved).to_contain_text("posted")
    finance.visit.picture("5-approved")


def test_by_keyboard_alone_a_release_is_found_and_canceled(
    browse: Browse, system: System, large_release: dict[str, Any]
) -> None:
    finance = Desk.of(browse, system, "finance")
    page = finance.page
    finance.goto("/console")
    tab_to(page, "Skip|content", most=1)
    tab_to(page, "^Releases$")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/releases")
    tab_to(page, "Skip|content", most=1)
    page.keyboard.press("Enter")
    tab_to(page, "^Cancel$")
    page.keyboard.press("Enter")
    expect(finance.dialog.get_by_text("This would happen")).to_be_visible()
    finance.visit.picture("dialog", whole=False)
    page.keyboard.press("Escape")
    expect(finance.dialog).to_be_hidden()
    assert page.evaluate("document.activeElement.textContent.trim()") == "Cancel"  # back again
    page.keyboard.press("Enter")
    expect(finance.dialog.get_by_text("This would happen")).to_be_visible()
    tab_to(page, "Why", most=10)
    page.keyboard.type("Nobody knows this order.")
    tab_to(page, "^Cancel$", most=3)
    page.keyboard.press("Enter")
    canceled = page.locator("#all").get_by_role("row").filter(has_text=large_release["id"])
    expect(canceled).to_contain_text("Nobody knows this order.")
    finance.visit.picture("canceled")
