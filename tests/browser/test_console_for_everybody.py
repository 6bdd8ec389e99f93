"""Every page of the console's navigation: readable on a phone and a desk, in dark and light."""

from typing import Literal

from playwright.sync_api import ViewportSize

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


def test_every_page_can_be_read(browse: Browse, system: System) -> None:
    system.pay()
    admin = Desk.of(browse, system, "admin", viewport=DESK)
    links = admin.page.locator("nav a").all()
    places = {link.get_attribute("href") for link in links}
    assert len(places) > 10
    faults: dict[str, set[str]] = {}
    for place in sorted(place for place in places if place):
        admin.goto(place)
        name = place.removeprefix("/console").strip("/").replace("/", "-") or "overview"
        for window, colours in LOOKS:
            admin.page.set_viewport_size(window)
            admin.page.emulate_media(color_scheme=colours)
            admin.visit.picture(f"{name}-{colours}")
            for fault in faults_of(admin.page):
                faults.setdefault(fault, set()).add(f"{name} {colours}")
    assert faults == {}
