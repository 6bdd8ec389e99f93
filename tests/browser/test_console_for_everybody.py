"""Every page of the console: readable on a phone and a desk, in dark and light, and quiet."""

import re
import secrets
from typing import Any, Literal

import pytest
from playwright.sync_api import ViewportSize

from sandbox.calls import TIMEOUT_S, created
from sandbox.escrow_calls import chain_order, open_escrow
from sandbox.way_in import loopback_session
from tests.browser.accessible import faults_of
from tests.browser.conftest import Browse
from tests.browser.desk import Desk
from tests.journeys.conftest import System

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 800}
LOOKS: tuple[tuple[ViewportSize, Literal["light", "dark"]], ...] = (
    (DESK, "light"),
    (PHONE, "dark"),
)
ADDRESSES = "(links) => links.map((link) => link.getAttribute('href'))"
ALL_LOADED = "() => [...document.images].every((image) => image.complete)"
OF_ONE = re.compile(r"(/console/[a-z-]+(?:/[a-z]+)?)/(\w+_\w+|\d{4}-\d\d|[a-z-]+)")


@pytest.fixture
def things(system: System) -> list[str]:
    """The pages of an order, its payment, an escrow and an incident."""
    backend, base_url = system.cast.backend, system.way_in.base_url
    wanted = chain_order(system.cast)
    order = created(backend.post(f"{base_url}/api/orders", json=wanted, timeout=TIMEOUT_S))
    escrow = open_escrow(system.way_in, backend, order)
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")
    operator = loopback_session(system.way_in.api_keys["operator"])
    url = f"{base_url}/api/ops/incidents"
    wrong: dict[str, Any] = {"title": "For the picture", "severity": "notice"}
    wrong["reference"] = secrets.token_hex(16)
    incident = created(operator.post(url, json=wrong, timeout=TIMEOUT_S))
    over = {"reference": secrets.token_hex(16), "status": "resolved", "note": "It was for a test."}
    created(operator.patch(f"{url}/{incident['id']}", json=over, timeout=TIMEOUT_S))
    return [
        f"/console/orders/{payment['order_id']}",
        f"/console/payments/{payment['id']}",
        f"/console/escrows/{escrow['id']}",
        f"/console/search?q={payment['order_id']}",
        f"/console/incidents/{incident['id']}",
    ]


def test_every_page_can_be_read(browse: Browse, system: System, things: list[str]) -> None:
    admin = Desk.of(browse, system, "admin", viewport=DESK)
    admin.goto("/console")
    places = admin.page.locator("nav a").evaluate_all(ADDRESSES)
    assert len(places) > 10
    waiting, seen = [*places, *things], set[str]()
    faults: dict[str, set[str]] = {}
    while waiting:
        path = waiting.pop(0)
        admin.goto(path)
        kind = kind_of(path)
        seen.add(kind)
        for window, colours in LOOKS:
            admin.page.set_viewport_size(window)
            admin.page.emulate_media(color_scheme=colours)
            admin.page.wait_for_function(ALL_LOADED)  # a phone has charts of its own
            name = kind.removeprefix("/console").strip("/").replace("/", "-") or "overview"
            admin.visit.picture(f"{name}-{colours}")
            for fault in faults_of(admin.page):
                faults.setdefault(fault, set()).add(f"{path} {colours}")
        if path in places:  # one of each kind that it leads to is looked at, too
            known = seen | {kind_of(each) for each in waiting}
            for link in admin.page.locator("main a[href^='/console/']").evaluate_all(ADDRESSES):
                is_filtered = "?" in link and "/reports/" not in link
                if not is_filtered and kind_of(link) not in known:
                    waiting.append(link)
                    known.add(kind_of(link))
    assert faults == {}
    assert seen >= set(places) | {kind_of(each) for each in things} | {
        "/console/finance/periods/…",
        "/console/finance/reports/…",
        "/console/runbooks/…",
        "/console/secrets/keys/…",
    }
    scripts = {url.removeprefix(system.way_in.base_url) for url in admin.visit.loaded("script")}
    assert scripts
    assert all(path.startswith("/console/scripts/") for path in scripts)


def kind_of(path: str) -> str:
    """Return a page's path without what it is of."""
    path = path.partition("#")[0].replace("?q=", "-found?").partition("?")[0]
    of_one = OF_ONE.fullmatch(path)
    return path if of_one is None else f"{of_one[1]}/…"
