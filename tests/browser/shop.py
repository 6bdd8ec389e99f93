"""What a buyer does on the shop's pages, in the words of the pages."""

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.visit import Visit
from tests.journeys.conftest import System

PATIENCE_MS = 60_000  # a payment goes through webhooks and jobs, one on chain through blocks


@dataclass(frozen=True)
class ShopVisit:
    """A tab in which somebody buys."""

    visit: Visit
    system: System

    @property
    def page(self) -> Page:
        """Playwright's page."""
        return self.visit.page

    def goto(self, path: str) -> None:
        """Open a page of the shop."""
        self.visit.goto(self.system.way_in.shop_url + path)

    def checkout(self) -> str:
        """Open the checkout of a new order of $135.00, wait for the card field; the order's id."""
        order: str = self.system.order()["id"]
        self.goto(f"/checkout/{order}")
        expect(self.page.locator("#pay")).to_be_enabled()
        return order

    def buy(self, product: str) -> None:
        """Order a product and come to its checkout, ready to pay."""
        self.press(f"Buy: {product}")
        self.page.wait_for_url("**/checkout/**")
        expect(self.page.locator("#pay, #on-chain")).to_be_enabled()

    def choose_card(self, outcome: str) -> None:
        """Fill in one of the test cards."""
        self.page.get_by_role("button", name=re.compile(f"{outcome}$")).click()

    def press(self, name: str) -> None:
        """Press the button of this name, once it is there."""
        self.page.get_by_role("button", name=name).click(timeout=PATIENCE_MS)

    def bank_window(self) -> FrameLocator:
        """The bank's page in its window over the shop's (3D Secure)."""
        return self.page.frame_locator("dialog iframe")

    def says(self, title: str) -> None:
        """Wait until the order's page says so of the payment."""
        expect(self.page.locator("#status-title")).to_have_text(title, timeout=PATIENCE_MS)

    def warns(self, text: str) -> None:
        """Wait until the page says so as an alert."""
        expect(self.page.get_by_role("alert")).to_contain_text(text)

    def download_invoice(self) -> Path:
        """Press the invoice's button; the file that is downloaded, kept beside the pictures."""
        with self.page.expect_download(timeout=PATIENCE_MS) as coming:
            self.press("Download the invoice (PDF)")
        file = self.visit.pictures / coming.value.suggested_filename
        coming.value.save_as(file)
        expect(self.page.locator("#invoice-news")).to_have_text(
            "The invoice is among your downloads."
        )
        return file

    def picture(self, name: str, *, whole: bool = True) -> None:
        """Keep a screenshot."""
        self.visit.picture(name, whole=whole)
