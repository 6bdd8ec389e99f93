"""What staff do at their desks in the console, in the words of its pages."""

from dataclasses import dataclass

import requests
from playwright.sync_api import Locator, Page, expect

from sandbox.calls import TIMEOUT_S, created
from tests.browser.conftest import Browse
from tests.browser.visit import Visit
from tests.journeys.conftest import System


@dataclass(frozen=True)
class Desk:
    """A tab in which somebody of the staff works."""

    visit: Visit
    base_url: str

    @classmethod
    def of(cls, browse: Browse, system: System, who: str, **options: object) -> "Desk":
        """Sign in just now, as dangerous acts want it: with a token of the shop's, as its page."""
        way_in = system.way_in
        answer = requests.post(
            f"{way_in.shop_url}/staff/{who}/token",
            headers={"Origin": way_in.shop_url},
            timeout=TIMEOUT_S,
        )
        return cls(browse(token=created(answer)["token"], **options), way_in.base_url)

    @property
    def page(self) -> Page:
        """Playwright's page."""
        return self.visit.page

    @property
    def dialog(self) -> Locator:
        """The dialog that asks before an act."""
        return self.page.get_by_role("dialog")

    def goto(self, path: str) -> None:
        """Open a page of the console."""
        assert self.visit.goto(self.base_url + path).ok

    def row(self, text: str) -> Locator:
        """The row of a table that has this text."""
        return self.page.get_by_role("row").filter(has_text=text)

    def confirm(self, name: str, *, reason: str | None = None) -> None:
        """Go through with what the dialog asks about, once it has shown what would happen."""
        if reason is not None:
            self.dialog.get_by_role("textbox").fill(reason)
        go = self.dialog.get_by_role("button", name=name)
        expect(go).to_be_enabled()
        go.click()
