"""What was revealed goes from every tab once somebody has signed out in one."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.journeys.conftest import System


def test_revealed_names_are_hidden_again_where_a_session_has_ended(
    browse: Browse, system: System
) -> None:
    visit = browse(who="support")
    visit.expects("status of 401")
    payment = system.pay()
    visit.goto(f"{system.way_in.base_url}/console/payments/{payment['id']}")
    page = visit.page
    buyer = page.locator(".card").filter(has=page.get_by_role("heading", name="Buyer"))
    buyer.get_by_role("button", name="Reveal…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Ticket 4711")
    dialog.get_by_role("button", name="Reveal").click()
    expect(buyer.locator("[data-field=name]")).to_have_text("Example Buyer")

    # As another tab of this browser does; then this one looks again, as it does by itself.
    end = "await fetch('/api/session', { method: 'DELETE' })"
    look = "await (await import('/console/scripts/live.js')).refresh()"
    page.evaluate(f"async () => {{ {end}; {look}; }}")
    expect(page.locator("[data-live-state]")).to_have_text("Signed out")
    expect(buyer.locator("[data-field=name]")).to_have_text(re.compile("^•+$"))
    expect(page.get_by_text("Example Buyer")).to_have_count(0)
