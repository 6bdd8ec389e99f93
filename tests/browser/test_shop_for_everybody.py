"""The shop by keyboard alone, on a phone, in the dark: everybody can read it, and pay."""

from typing import Literal

from playwright.sync_api import expect

from tests.browser.accessible import faults_of
from tests.browser.conftest import Browse
from tests.browser.keyboard import tab_to
from tests.browser.shop import ShopVisit
from tests.journeys.conftest import System

PHONE = {"width": 390, "height": 844}
COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def test_by_keyboard_alone_from_the_catalogue_to_the_invoice(
    browse: Browse, system: System
) -> None:
    shop = ShopVisit(browse(), system)
    press = shop.page.keyboard.press
    shop.goto("/")
    tab_to(shop.page, "Skip to the content")
    press("Enter")
    tab_to(shop.page, "Buy: Walnut stool")  # the first thing behind the skipped header
    press("Enter")
    shop.page.wait_for_url("**/checkout/**")
    expect(shop.page.locator("#pay")).to_be_enabled()
    tab_to(shop.page, "Card number")
    shop.page.keyboard.type("4000002760003184")
    tab_to(shop.page, "Expiry date")
    shop.page.keyboard.type("1234")
    tab_to(shop.page, "Security code")
    shop.page.keyboard.type("123")
    tab_to(shop.page, r"^Pay \$162")
    shop.picture("focus")
    press("Enter")
    bank = shop.bank_window()
    bank.get_by_role("button", name="Approve").wait_for()
    press("Escape")  # leaves the bank's question open
    shop.warns("Your bank has not confirmed this payment")
    tab_to(shop.page, "Confirm with your bank")
    press("Enter")
    approve = bank.get_by_role("button", name="Approve")
    approve.wait_for()
    for _ in range(5):
        press("Tab")
        if approve.evaluate("(button) => button === document.activeElement"):
            break
    press("Enter")
    shop.says("Paid, and held safely")
    tab_to(shop.page, "Download the invoice")
    with shop.page.expect_download():
        press("Enter")


def test_every_page_can_be_read_on_a_phone_by_day_and_night(browse: Browse, system: System) -> None:
    shop = ShopVisit(browse(viewport=PHONE), system)
    shop.visit.expects("status of 402", "status of 404")

    def look(name: str) -> None:
        for colours in COLOURS:
            shop.page.emulate_media(color_scheme=colours)
            shop.picture(f"{name}-{colours}")
            assert faults_of(shop.page) == [], f"{name}, {colours}"

    shop.goto("/")
    look("catalogue")
    shop.goto("/nowhere")
    look("message")
    shop.checkout()
    shop.choose_card("Declined")
    shop.press("Pay $135.00")
    shop.warns("Please try another card.")
    look("checkout")
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")
    shop.goto(f"/orders/{payment['order_id']}")
    shop.says("Paid, and held safely")
    look("order")
    shop.goto("/")
    shop.buy("Salt-glazed bowl")
    look("checkout-on-chain")
    shop.press("Pay USDC 47.60 into escrow")
    shop.page.get_by_role("button", name="from the test wallet").wait_for()
    look("order-on-chain")
