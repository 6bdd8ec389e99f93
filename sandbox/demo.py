"""`make demo`: lives through payments over HTTP, and proves in the ledger what became of them.

Read it from `main` down: it is what a platform's backend, a buyer's browser, Stripe, a bank and
finance do, in the order in which they do it.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import requests

from sandbox.calls import (
    TIMEOUT_S,
    Cast,
    confirm_at_stripe,
    created,
    deliver,
    gather,
    new_order,
    says,
    succeeded_event,
    trial_balance,
)
from sandbox.demo_bank import play_bank
from sandbox.demo_escrow import play_escrow
from sandbox.demo_finance import take_documents_home
from sandbox.demo_sequels import (
    Stage,
    ask_the_bank,
    capture_in_part,
    compare_with_stripe,
    dispute,
    refund_in_part,
)
from sandbox.home import DEFAULT_HOME
from sandbox.listener import Listener, SilenceError
from sandbox.ports import DEFAULT_PORT
from sandbox.telling import Telling
from sandbox.told_backend import ToldBackend, told_backend
from sandbox.way_in import NoSystemError, WayIn, loopback_session, running_system


def main() -> int:
    """Run the demo on the running system, or on one started for it; 0 if all was right."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=DEFAULT_HOME, help="as in `make run`")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="as in `make run`")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)  # not killed, so that a system we started is stopped
    tell = Telling()
    try:
        with running_system(home=options.home, port=options.port) as way_in:
            play(way_in, tell, options.home / "demo")
    except NoSystemError:
        return 1
    except SilenceError as silence:
        tell.check(f"Strongroom told what happened: {silence}", holds=False)
    except requests.RequestException as error:
        tell.check(f"Everything answered: {error}", holds=False)
    return tell.end()


def play(way_in: WayIn, tell: Telling, folder: Path) -> None:
    """Play every journey on one system; documents go into `folder`."""
    cast = gather(way_in)
    url = way_in.base_url

    tell.chapter("1. The shop's backend creates an order, with its API key")
    order = created(cast.backend.post(f"{url}/api/orders", json=new_order(cast), timeout=TIMEOUT_S))
    amount = int(order["amount"])
    tell.step("POST /api/orders", f"{order['id']}: {amount:,} {order['currency']} minor units")

    tell.chapter("2. The buyer's browser signs in and listens")
    created(cast.buyer.post(f"{url}/api/session", timeout=TIMEOUT_S))
    tell.step("POST /api/session", "a token of the shop became a cookie")
    # From here on the browser shows the cookie only; a stream cannot carry a header anyway.
    browser = loopback_session()
    browser.cookies.update(cast.buyer.cookies)
    browser.headers["Origin"] = way_in.shop_url
    with Listener(browser, url) as listener:
        tell.step("GET /api/events", f"open, at position {listener.position}")
        payment = start_payment(way_in, tell, browser, order)
        decline_a_card(way_in, tell, listener, payment)
        with told_backend(way_in, cast) as backend:
            pay(way_in, tell, listener, payment)
            hear_as_backend(tell, backend, payment)
        deliver_twice(way_in, tell, cast, payment)
        look_as_somebody_else(way_in, tell, cast, payment)
        stage = Stage(way_in, cast, tell, listener)
        ask_the_bank(stage)
        capture_in_part(stage)
        refund_in_part(stage, payment)
        dispute(stage)
        play_bank(stage)
        play_escrow(stage)
    audit(stage)
    take_documents_home(stage, order, folder)


def start_payment(
    way_in: WayIn, tell: Telling, browser: requests.Session, order: dict[str, Any]
) -> dict[str, Any]:
    """Ask for a payment twice with one reference; there is one payment."""
    tell.chapter("3. The checkout asks for a payment; a retry with the same reference is safe")
    request = {"reference": f"checkout-{order['id']}", "order_id": order["id"]}
    url = f"{way_in.base_url}/api/payments/intents"
    first = browser.post(url, json=request, timeout=TIMEOUT_S)
    payment = created(first)
    tell.step("POST /api/payments/intents", f"{payment['id']}: {payment['status']}")
    again = browser.post(url, json=request, timeout=TIMEOUT_S)
    same = created(again)["id"] == payment["id"]
    tell.step("the same again", f"Idempotent-Replayed: {again.headers.get('Idempotent-Replayed')}")
    replayed = again.headers.get("Idempotent-Replayed") == "true"
    tell.check("the same reference gives the same payment", holds=same and replayed)
    other = browser.post(url, json=request | {"capture": "manual"}, timeout=TIMEOUT_S)
    refused = other.status_code == requests.codes.unprocessable_entity
    tell.check("the same reference with other content is refused", holds=refused)
    return payment


def decline_a_card(
    way_in: WayIn, tell: Telling, listener: Listener, payment: dict[str, Any]
) -> None:
    """Try a card without funds: nothing is booked, and the buyer is told what to do."""
    tell.chapter("4. The first card has no funds")
    answer = confirm_at_stripe(way_in, payment, "pm_card_visa_chargeDeclinedInsufficientFunds")
    error = answer.json().get("error", {})
    tell.step("Stripe answers the browser", f"{answer.status_code} {error.get('decline_code')}")
    event = listener.wait_for(says(payment, "failed"))
    failure = event.data["failure"] or {}
    tell.heard(f"payment.updated: failed ({failure.get('stripe_code')}): {failure.get('message')}")
    tell.check(
        "the decline came back by webhook, ledger and event stream",
        holds=failure.get("stripe_code") == "insufficient_funds",
    )


def pay(way_in: WayIn, tell: Telling, listener: Listener, payment: dict[str, Any]) -> None:
    """Pay the same payment with a good card."""
    tell.chapter("5. The second card pays")
    begun = time.monotonic()
    answer = confirm_at_stripe(way_in, payment, "pm_card_visa")
    tell.step("Stripe answers the browser", f"{answer.status_code} {answer.json().get('status')}")
    event = listener.wait_for(says(payment, "succeeded"))
    took_ms = (time.monotonic() - begun) * 1000
    tell.heard(f"payment.updated: succeeded, {took_ms:.0f} ms after the card was confirmed")
    tell.check(
        "the page hears of exactly this payment",
        holds=event.data["amount"] == payment["amount"] and event.data["failure"] is None,
    )


def hear_as_backend(tell: Telling, backend: ToldBackend, payment: dict[str, Any]) -> None:
    """See that the shop's backend is told as well: as a Standard Webhook, signed for it alone."""
    notice = backend.wait_for(payment["id"], "succeeded")
    tell.heard(f"notice to the shop's backend: {notice['type']}, succeeded; its signature is right")
    right = notice["data"]["amount"] == payment["amount"]
    tell.check("the backend is told the same, without any name", holds=right)


def deliver_twice(way_in: WayIn, tell: Telling, cast: Cast, payment: dict[str, Any]) -> None:
    """Deliver Stripe's event again, and a forged one: neither changes anything."""
    tell.chapter("6. Stripe delivers the same webhook again; a forger tries one")
    before = _held(way_in, cast)
    event = succeeded_event(way_in, payment)
    if event is None:
        tell.check("Stripe's event list holds the event", holds=False)
        return
    again = deliver(way_in, event, secret=way_in.webhook_secrets["stripe"])
    tell.step("POST /api/webhooks/stripe", f"{again.status_code} {again.text.strip()}")
    duplicate = again.status_code == requests.codes.ok and again.json()["duplicate"] is True
    tell.check("it is recognised as a duplicate", holds=duplicate)
    forged = deliver(way_in, event | {"id": "evt_forged"}, secret="whsec_of_somebody_else")  # noqa: S106 - meant to be wrong
    tell.check(
        f"the forged one is refused ({forged.status_code})",
        holds=forged.status_code == requests.codes.bad_request,
    )
    tell.check("the ledger is as it was", holds=_held(way_in, cast) == before)


def _held(way_in: WayIn, cast: Cast) -> list[dict[str, Any]]:
    # Without what Stripe keeps for us: its fee may be booked at this very moment.
    accounts = trial_balance(way_in, cast)
    return [account for account in accounts if account["path"].startswith("liabilities:")]


def look_as_somebody_else(
    way_in: WayIn, tell: Telling, cast: Cast, payment: dict[str, Any]
) -> None:
    """Ask for the payment as its buyer, and as another one."""
    tell.chapter("7. Another buyer looks for the payment")
    url = f"{way_in.base_url}/api/payments/{payment['id']}"
    own = cast.buyer.get(url, timeout=TIMEOUT_S)
    tell.step("GET /api/payments/… as the buyer", f"{own.status_code} {own.json().get('status')}")
    tell.check("the buyer sees it as succeeded", holds=own.json().get("status") == "succeeded")
    foreign = cast.other_buyer.get(url, timeout=TIMEOUT_S)
    tell.check(
        f"for another buyer it does not exist ({foreign.status_code})",
        holds=foreign.status_code == requests.codes.not_found,
    )


def audit(stage: Stage) -> None:
    """Compare the books with Stripe's and with themselves, and print them."""
    stage.tell.chapter("21. Finance reads the books")
    compare_with_stripe(stage)
    accounts = trial_balance(stage.way_in, stage.cast)
    for name in sorted({account["asset"] for account in accounts}):
        of_asset = [account for account in accounts if account["asset"] == name]
        total = sum(int(account["debit"]) - int(account["credit"]) for account in of_asset)
        stage.tell.check(f"debits and credits in {name} are equal", holds=total == 0)
    stage.tell.trial_balance(accounts)


def _exit(_number: int, _frame: FrameType | None) -> None:
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
