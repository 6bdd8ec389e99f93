"""Stripe does what it was asked and does not say so: every reference has one effect, both know."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.faults.harness.system import System

PAYMENTS = 12
LOST = {"fault": "close", "when": "after", "probability": 0.3}


def pay_and_refund(system: System) -> dict[str, Any]:
    """Start, confirm and refund a payment, each with one reference until it has an answer."""
    payment = system.payment()
    for action, body in (
        ("confirm", {"payment_method": "pm_card_visa"}),
        ("refunds", {"amount": "3500"}),
    ):
        asked = {"reference": f"{action}-{payment['id']}", **body}
        path = f"/api/payments/{payment['id']}/{action}"
        answer = system.insist(system.cast.backend, path, asked)
        assert answer.ok, answer.text
    return payment


def test_answers_of_stripe_may_be_lost(system: System, randomness: random.Random) -> None:
    system.turn_knob("faults", seed=randomness.getrandbits(32), rules=[LOST])
    with ThreadPoolExecutor(4) as callers:
        payments = list(callers.map(lambda _: pay_and_refund(system), range(PAYMENTS)))
    (rule,) = system.turn_knob("faults", rules=[])["was"]
    assert rule["struck"] > 0
    system.settle()
    assert {system.status(payment) for payment in payments} == {"partially_refunded"}
    assert all(system.count("refunds", payment_id=payment["id"]) == 1 for payment in payments)


def test_stripe_may_fail_before_and_after_the_effect(
    system: System, randomness: random.Random
) -> None:
    rules = [
        {"fault": "answer", "status": 500, "when": "after", "probability": 0.1},
        {"fault": "answer", "status": 503, "when": "before", "probability": 0.1},
        {"fault": "answer", "status": 429, "when": "before", "probability": 0.1},
        {"fault": "close", "when": "before", "probability": 0.1},
    ]
    system.turn_knob("faults", seed=randomness.getrandbits(32), rules=rules)
    with ThreadPoolExecutor(4) as callers:
        payments = list(callers.map(lambda _: pay_and_refund(system), range(PAYMENTS)))
    system.turn_knob("faults", rules=[])
    system.settle()
    assert {system.status(payment) for payment in payments} == {"partially_refunded"}
