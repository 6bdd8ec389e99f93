"""kill -9 at every named point of a payout, and lost answers of Stripe: the seller is paid once."""

import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.architecture.sources import ROOT
from tests.faults.harness.system import System

MOMENTS = ("intent_committed", "called", "recorded")
PAYOUTS = 6
LOST = {"fault": "close", "when": "after", "path": "/v1/transfers", "probability": 0.5}


def release(system: System, payment: dict[str, Any]) -> None:
    """Release all that was paid for an order, however often it has to be asked for."""
    order_id = payment["order_id"]
    body = {"reference": f"release-{order_id}", "order_id": order_id}
    answer = system.insist(system.cast.backend, "/api/escrow/release", body)
    assert answer.ok, answer.text


def is_paid_out(system: System, payment: dict[str, Any]) -> bool:
    return system.count("seller_payouts", order_id=payment["order_id"], status="paid") == 1


def transfers_of(system: System, payment: dict[str, Any]) -> list[dict[str, Any]]:
    """What Stripe has transferred for an order, by its own books."""
    of_order = payment["order_id"]
    return [one for one in system.books.all("transfer") if one["transfer_group"] == of_order]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_payout_that_a_crash_breaks_off_is_made_once(system: System, moment: str) -> None:
    payment = system.paid()
    system.crash_at(f"payout.{moment}")
    release(system, payment)
    system.eventually(system.crashed)
    system.let_time_pass_until(lambda: is_paid_out(system, payment))
    [transfer] = transfers_of(system, payment)
    assert transfer["amount"] == 12_500 - 625  # without tax and fee
    assert system.count("seller_payout_attempts", provider_ref=transfer["id"], state="paid") == 1


def test_answers_of_stripe_may_be_lost(system: System, randomness: random.Random) -> None:
    payments = [system.paid() for _ in range(PAYOUTS)]
    system.turn_knob("faults", seed=randomness.getrandbits(32), rules=[LOST])
    with ThreadPoolExecutor(3) as callers:
        list(callers.map(lambda payment: release(system, payment), payments))
    system.let_time_pass_until(lambda: all(is_paid_out(system, each) for each in payments))
    [rule] = system.turn_knob("faults", rules=[])["was"]
    assert rule["seen"] >= PAYOUTS
    assert [len(transfers_of(system, payment)) for payment in payments] == [1] * PAYOUTS


def test_every_point_is_tried() -> None:
    source = (ROOT / "payments" / "payouts").glob("*.py")
    named = {
        point
        for file in source
        for point in re.findall(r'\breach\("([^"]+)"', file.read_text(encoding="utf-8"))
    }
    assert named == {f"payout.{moment}" for moment in MOMENTS}
