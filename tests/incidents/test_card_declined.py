"""A payer's card does not work: what they saw, what it means, and what support tells them."""

import secrets
from typing import Any

from sandbox.calls import TIMEOUT_S, confirm_at_stripe
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall
from tests.journeys.bank import BankRail

FUNDS, STOLEN = "pm_card_chargeDeclinedInsufficientFunds", "pm_card_visa_chargeDeclinedStolenCard"
PATIENCE_S = 40


def test_support_sees_what_the_payer_saw_and_what_to_tell_them(
    rail: BankRail, on_call: OnCall
) -> None:
    system = on_call.system
    payment = system.payment()

    # The payer tries two cards: one without money, and one that was stolen.
    confirm_at_stripe(system.way_in, payment, FUNDS)
    wait_until(lambda: len(declines(on_call, payment)["attempts"]) == 1, timeout_s=PATIENCE_S)
    confirm_at_stripe(system.way_in, payment, STOLEN)
    wait_until(lambda: len(declines(on_call, payment)["attempts"]) == 2, timeout_s=PATIENCE_S)

    # 1. Support finds the payment by what the payer has: the order.
    found = on_call.command_json("find", payment["order_id"])
    assert payment["id"] in str(found)

    # 2. What the payer saw, and what to tell them.
    seen = declines(on_call, payment)
    assert seen["status"] == "failed"
    first, second = seen["attempts"]
    assert (first["stripe_code"], first["next_step"]) == ("insufficient_funds", "try_another_card")
    assert first["message"] == "The card has insufficient funds."
    assert "too little money" in first["advice"]["meaning"]
    # Who has a stolen card may be the thief: nobody is told, neither they nor who talks to them.
    assert (second["stripe_code"], second["message"]) == (
        "generic_decline",
        "The card was declined.",
    )
    assert "stolen" not in str({**second, "advice": None})
    told = on_call.command("payments", "declines", payment["id"])
    assert "The payer saw: The card has insufficient funds. (try_another_card)" in told
    assert system.cast.buyer.get(path_of(on_call, payment), timeout=TIMEOUT_S).status_code == 403

    # 3. The payer takes another card, and it goes on; the attempts stay known.
    confirm_at_stripe(system.way_in, payment, "pm_card_visa")
    rail.wait_for(payment, "succeeded")
    after = declines(on_call, payment)
    assert (after["status"], len(after["attempts"]), after["waiting"]) == ("succeeded", 2, None)
    assert system.held_for(payment) == int(payment["amount"])


def test_who_must_confirm_with_their_bank_is_told_so(rail: BankRail, on_call: OnCall) -> None:
    system = on_call.system
    payment = system.payment()
    asked = {
        "reference": secrets.token_hex(16),
        "payment_method": "pm_card_authenticationRequired",
        "return_url": f"{system.way_in.shop_url}/orders/{payment['order_id']}",
    }
    url = f"{system.way_in.base_url}/api/payments/{payment['id']}/confirm"
    answer = system.cast.buyer.post(url, json=asked, timeout=TIMEOUT_S)
    assert answer.json()["next_action"]["type"] == "redirect_to_url", answer.text

    # The payer closed the window: nothing was charged, and support says where to go on.
    seen = declines(on_call, payment)
    assert (seen["status"], seen["attempts"]) == ("requires_action", [])
    assert "confirm the payment with your bank" in seen["waiting"]["tell"]

    # A decline that our own call was answered with, and that a webhook tells as well, is one.
    declined = system.payment()
    refused = system.cast.buyer.post(
        f"{system.way_in.base_url}/api/payments/{declined['id']}/confirm",
        json=asked | {"reference": secrets.token_hex(16), "payment_method": FUNDS},
        timeout=TIMEOUT_S,
    )
    assert (refused.status_code, refused.json()["stripe_code"]) == (402, "insufficient_funds")
    wait_until(lambda: tellers(on_call, declined) == ["api", "stripe"], timeout_s=PATIENCE_S)
    assert rail.broken_invariants() == []


def declines(on_call: OnCall, payment: Body) -> Any:
    return on_call.support.get(path_of(on_call, payment), timeout=TIMEOUT_S).json()


def tellers(on_call: OnCall, payment: Body) -> list[str]:
    """Who told of the only failed attempt of a payment."""
    attempts = declines(on_call, payment)["attempts"]
    assert len(attempts) <= 1
    causes = attempts[0]["told_by"] if attempts else []
    return sorted(cause.partition(":")[0] for cause in causes)


def path_of(on_call: OnCall, payment: Body) -> str:
    return f"{on_call.system.way_in.base_url}/api/payments/{payment['id']}/declines"
