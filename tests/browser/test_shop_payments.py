"""Each way to pay in the shop, from the click on "Buy" to the invoice among the downloads."""

from pathlib import Path

import pytest

from tests.browser.conftest import Browse
from tests.browser.shop import ShopVisit
from tests.journeys.conftest import System


@pytest.fixture
def shop(browse: Browse, system: System) -> ShopVisit:
    return ShopVisit(browse(), system)


def test_by_card(shop: ShopVisit) -> None:
    shop.goto("/")
    shop.picture("1-catalogue")
    shop.buy("Walnut stool")
    shop.picture("2-checkout")
    shop.choose_card("Succeeds")
    shop.press("Pay $162.00")
    shop.says("Paid, and held safely")
    invoice = shop.download_invoice()
    assert is_pdf(invoice)
    shop.picture("3-paid")
    shop.press("Release to the workshop")
    shop.says("The workshop has been paid")
    shop.picture("4-released")


def test_by_card_whose_bank_asks_in_a_window_that_is_closed_first(shop: ShopVisit) -> None:
    shop.goto("/")
    shop.buy("Stoneware mug")
    shop.choose_card("3D Secure")
    shop.press("Pay $27.00")
    bank = shop.bank_window()
    bank.get_by_role("button", name="Approve").wait_for()
    shop.picture("1-bank-window", whole=False)
    shop.press("Close")
    shop.warns("Your bank has not confirmed this payment")
    shop.picture("2-closed")
    shop.press("Confirm with your bank")
    bank.get_by_role("button", name="Approve").click()
    shop.says("Paid, and held safely")
    assert is_pdf(shop.download_invoice())


def test_on_stripes_page(shop: ShopVisit) -> None:
    shop.goto("/")
    shop.buy("Tea canister")
    shop.press("Pay on Stripe")
    shop.page.wait_for_url(f"{shop.system.way_in.stripe_api_url}/**")
    shop.choose_card("Succeeds")
    shop.picture("stripes-page")
    shop.press("Pay ¥4,400")
    shop.says("Paid, and held safely")
    assert is_pdf(shop.download_invoice())


def test_by_bank(shop: ShopVisit) -> None:
    shop.goto("/")
    shop.buy("Brass desk lamp")
    shop.press("Pay by bank")
    shop.page.wait_for_url(f"{shop.system.way_in.bank_api_url}/pay/**")
    shop.page.locator("button.bank").first.click()
    shop.picture("1-bank-page")
    shop.page.locator("button[value=authorise]").click()
    shop.page.wait_for_url("**/orders/**")
    shop.says("Paid, and held safely")
    assert is_pdf(shop.download_invoice())
    shop.picture("2-paid")


def test_on_chain(shop: ShopVisit) -> None:
    shop.goto("/")
    shop.buy("Salt-glazed bowl")
    shop.picture("1-checkout")
    shop.press("Pay USDC 47.60 into escrow")
    shop.press("Pay USDC 47.60 from the test wallet")
    shop.says("Paid, and held by the contract")
    assert is_pdf(shop.download_invoice())
    shop.picture("2-paid")


def is_pdf(file: Path) -> bool:
    content = file.read_bytes()
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
