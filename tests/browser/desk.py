"""What staff do at their desks in the console, in the words of its pages."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

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
        """Sign in by a click on the shop's page for staff: just now, as dangerous acts want it."""
        visit = browse(**options)
        visit.goto(f"{system.way_in.shop_url}/staff")
        visit.page.locator(f"[data-who={who}]").click()
        visit.page.wait_for_url(f"{system.way_in.base_url}/console")
        return cls(visit, system.way_in.base_url)

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
