"""The demo's second half: what may happen to a card payment beyond being paid."""

import secrets
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests

from sandbox.calls import (
    TIMEOUT_S,
    Cast,
    balance_of,
    confirm_at_stripe,
    created,
    new_order,
    says,
    trial_balance,
    until,
)
from sandbox.card_calls import (
    ASKS_BANK,
    DISPUTED,
    act,
    answer_bank,
    bank_page,
    dispute_of,
    end_dispute,
    stripe_balance,
    timeline,
)
from sandbox.listener import Listener, SilenceError
from sandbox.telling import Telling
from sandbox.way_in import WayIn

_TAKEN = 10_000
_OURS_AT_STRIPE = ("assets:stripe:pending", "assets:stripe:available")


@dataclass(frozen=True)
class Stage:
    """Where the chapters play: one system, its people, and the buyer's open page."""

    way_in: WayIn
    cast: Cast
    tell: Telling
    listener: Listener

    def order(self, currency: str = "USD") -> dict[str, Any]:
        """Place an order of 135.00."""
        url = f"{self.way_in.base_url}/api/orders"
        order = new_order(self.cast, currency)
        return created(self.cast.backend.post(url, json=order, timeout=TIMEOUT_S))

    def payment(self, currency: str = "USD", **other: str) -> dict[str, Any]:
        """Place an order and start paying it by card."""
        order = self.order(currency)
        url = self.way_in.base_url
        request = {"reference": f"demo-{secrets.token_hex(16)}", "order_id": order["id"], **other}
        answer = self.cast.buyer.post(
            f"{url}/api/payments/intents", json=request, timeout=TIMEOUT_S
        )
        return created(answer)

    def confirm(self, payment: dict[str, Any], card: str) -> dict[str, Any]:
        """Pay with a card in the browser; the intent as the browser sees it."""
        return created(confirm_at_stripe(self.way_in, payment, card))

    def hear(self, payment: dict[str, Any], status: str) -> dict[str, Any]:
        """Wait until the buyer's page hears of a status; the payment as it hears it."""
        heard = self.listener.wait_for(says(payment, status)).data
        self.tell.heard(f"payment.updated: {status}")
        return heard

    def held_for(self, payment: dict[str, Any]) -> int:
        """Return what the ledger holds for a payment's order."""
        accounts = trial_balance(self.way_in, self.cast)
        path = f"liabilities:escrow:{payment['order_id']}"
        return balance_of(accounts, path, payment["currency"])


def ask_the_bank(stage: Stage) -> None:
    """Pay with a card whose bank asks the payer first; they agree."""
    stage.tell.chapter("8. The next payer's bank asks first: 3D Secure")
    payment = stage.payment()
    seen = stage.confirm(payment, ASKS_BANK)
    stage.tell.step("Stripe answers the browser", seen["status"])
    stage.hear(payment, "requires_action")
    nothing = stage.held_for(payment) == 0
    answer_bank(bank_page(seen), "approve")
    stage.tell.step("the payer approves on the bank's page")
    stage.hear(payment, "succeeded")
    held = stage.held_for(payment) == int(payment["amount"])
    stage.tell.check("the money came when the bank had agreed, not before", holds=nothing and held)


def capture_in_part(stage: Stage) -> None:
    """Reserve money on a card, and take a part of it."""
    stage.tell.chapter("9. Money is reserved on a card, and 100.00 of 135.00 are taken")
    payment = stage.payment(capture="manual")
    stage.confirm(payment, "pm_card_visa")
    stage.hear(payment, "processing")
    too_much = act(stage.way_in, stage.cast, payment, "capture", amount="13501")
    code = too_much.json().get("code")
    stage.tell.check(f"more than is reserved cannot be taken ({code})", holds=not too_much.ok)
    created(act(stage.way_in, stage.cast, payment, "capture", amount=str(_TAKEN)))
    stage.tell.step("POST /api/payments/…/capture", f"{_TAKEN:,}")
    stage.hear(payment, "succeeded")
    held = stage.held_for(payment)
    stage.tell.check(f"{held:,} USD are held, the rest is free again", holds=held == _TAKEN)


def refund_in_part(stage: Stage, payment: dict[str, Any]) -> None:
    """Give a part of the first payment back."""
    stage.tell.chapter("10. Part of the first payment goes back")
    refund = created(act(stage.way_in, stage.cast, payment, "refunds", amount="3500"))
    stage.tell.step("POST /api/payments/…/refunds", f"{refund['id']}: {refund['status']}")
    heard = stage.hear(payment, "partially_refunded")
    rest = int(payment["amount"]) - int(heard["amount_refunded"])
    stage.tell.check(f"{rest:,} USD are still held", holds=stage.held_for(payment) == rest)
    answer = act(stage.way_in, stage.cast, payment, "refunds", amount=str(rest + 1))
    refused = answer.status_code == requests.codes.conflict
    stage.tell.check(f"more than is left is refused ({answer.json().get('code')})", holds=refused)


def dispute(stage: Stage) -> None:
    """Have two payers' banks ask for the money back: one gets it, one does not."""
    stage.tell.chapter("11. Two payers dispute their payment; one is lost, one is won")
    for won in (False, True):
        how = "won" if won else "lost"
        payment = stage.payment()
        stage.confirm(payment, DISPUTED)
        stage.hear(payment, "disputed")
        dispute_id = until(partial(dispute_of, stage.way_in, payment))
        end_dispute(stage.way_in, dispute_id, won=won)
        stage.tell.step("the payer's bank decides", how)
        until(partial(_ended, stage, payment, how))
        held, expected = stage.held_for(payment), int(payment["amount"]) if won else 0
        stage.tell.check(f"{how}: {held:,} USD are held for the order", holds=held == expected)


def compare_with_stripe(stage: Stage) -> None:
    """Wait until Strongroom has read all that Stripe booked, fees included, and compare."""

    def equal() -> int | None:
        accounts = trial_balance(stage.way_in, stage.cast)
        ours = sum(balance_of(accounts, path, "USD") for path in _OURS_AT_STRIPE)
        return ours if ours == stripe_balance(stage.way_in, "USD") else None

    try:
        amount = until(equal)
    except SilenceError:
        stage.tell.check("Stripe's own books equal ours", holds=False)
    else:
        stage.tell.check(f"Stripe's own books equal ours: {amount:,} USD, fees taken", holds=True)


def _ended(stage: Stage, payment: dict[str, Any], how: str) -> bool | None:
    disputes = timeline(stage.way_in, stage.cast, payment)["disputes"]
    return [one["status"] for one in disputes] == [how] or None
