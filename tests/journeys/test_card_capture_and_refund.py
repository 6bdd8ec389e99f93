"""Money reserved and captured in part; money given back in part, whole, and not above."""

from typing import Any

import requests

from sandbox.calls import TIMEOUT_S, confirm_at_stripe, created, trial_balance
from sandbox.card_calls import act, stripe_balance
from tests.conditions import wait_until
from tests.journeys.conftest import System

AMOUNT = 13500


def backend(system: System, payment: dict[str, Any], action: str, **body: str) -> requests.Response:
    return act(system.way_in, system.cast, payment, action, **body)


def reserved(system: System) -> dict[str, Any]:
    """A payment whose money is reserved on the card."""
    payment = system.payment(capture="manual")
    assert confirm_at_stripe(system.way_in, payment, "pm_card_visa").json()["status"] == (
        "requires_capture"
    )
    return payment


def refund_now(system: System, refund: dict[str, Any]) -> str:
    url = f"{system.way_in.base_url}/api/refunds/{refund['id']}"
    status: str = system.cast.backend.get(url, timeout=TIMEOUT_S).json()["status"]
    return status


def test_a_part_of_what_is_reserved_is_captured(system: System) -> None:
    with system.listening() as listener:
        payment = reserved(system)
        system.wait_until(listener, payment, "processing")
        assert system.held_for(payment) == 0
        memo = f"assets:card-authorizations:{payment['id']}"
        assert system.balance(memo) == AMOUNT

        too_much = backend(system, payment, "capture", amount=str(AMOUNT + 1))
        assert (too_much.status_code, too_much.json()["code"]) == (409, "amount_too_large")
        captured = created(backend(system, payment, "capture", amount="10000"))
        assert captured["amount_captured"] == "10000"
        system.wait_until(listener, payment, "succeeded")
    assert system.held_for(payment) == 10000
    assert system.balance(memo) == 0
    again = backend(system, payment, "capture")
    assert (again.status_code, again.json()["code"]) == (409, "payment_not_capturable")


def test_what_is_reserved_can_be_let_go(system: System) -> None:
    with system.listening() as listener:
        payment = reserved(system)
        system.wait_until(listener, payment, "processing")
        created(backend(system, payment, "cancel"))
        system.wait_until(listener, payment, "canceled")
    assert system.held_for(payment) == 0
    assert system.balance(f"assets:card-authorizations:{payment['id']}") == 0


def test_money_goes_back_in_part_then_whole_and_never_more(system: System) -> None:
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")

        first = created(backend(system, payment, "refunds", amount="3500"))
        heard = system.wait_until(listener, payment, "partially_refunded")
        assert heard["amount_refunded"] == "3500"
        assert system.held_for(payment) == 10000

        too_much = backend(system, payment, "refunds", amount="10001")
        assert (too_much.status_code, too_much.json()["code"]) == (409, "refund_exceeds_payment")
        created(backend(system, payment, "refunds"))
        system.wait_until(listener, payment, "refunded")
    assert refund_now(system, first) == "succeeded"
    assert system.held_for(payment) == 0


def test_a_refund_with_one_reference_happens_once(system: System) -> None:
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")
        first, again = (
            backend(system, payment, "refunds", amount="500", reference=f"once-{payment['id']}")
            for _ in range(2)
        )
        assert first.json()["id"] == again.json()["id"]
        assert again.headers["Idempotent-Replayed"] == "true"
        system.wait_until(listener, payment, "partially_refunded")
    assert system.held_for(payment) == AMOUNT - 500


def test_a_refund_that_fails_later_comes_back_to_the_order(system: System) -> None:
    with system.listening() as listener:
        payment = system.pay("pm_card_refundFail")
        system.wait_until(listener, payment, "succeeded")
        refund = created(backend(system, payment, "refunds", amount="3500"))
        wait_until(lambda: refund_now(system, refund) == "failed", timeout_s=30)
    assert system.held_for(payment) == AMOUNT
    assert system.payment_now(payment).json()["amount_refunded"] == "0"


def test_our_books_of_stripes_money_are_stripes_own(system: System) -> None:
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")
        created(backend(system, payment, "refunds", amount="3500"))
        system.wait_until(listener, payment, "partially_refunded")

    def ours() -> int:
        accounts = trial_balance(system.way_in, system.cast)
        return sum(
            int(account["balance"])
            for account in accounts
            if account["path"] in ("assets:stripe:pending", "assets:stripe:available")
            and account["asset"] == "USD"
        )

    wait_until(lambda: ours() == stripe_balance(system.way_in, "USD"), timeout_s=120)
