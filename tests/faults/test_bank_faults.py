"""Payments by bank, with processes killed and TrueLayer's answers lost: once there, once here."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from payments.database import in_transaction
from sandbox.calls import created
from tests.faults.harness.bank import AT_ONCE, TIMEOUT_S, BankSide
from tests.faults.harness.system import System

PAYMENTS = 8
STORM = 25
LOST = {"fault": "close", "when": "after", "path": "/v3/payments*", "probability": 0.5}


@pytest.fixture
def bank(system: System) -> Iterator[BankSide]:
    bank = BankSide(system)
    bank.knob("moments", AT_ONCE)
    yield bank
    bank.knob("faults")
    bank.knob("webhooks")


def pay_and_give_back(bank: BankSide) -> dict[str, Any]:
    payment = bank.paid()
    path, body = bank.wanted_refund(payment, "3500")
    answer = bank.system.insist(bank.system.cast.backend, path, body)
    assert answer.ok, answer.text
    return payment


@pytest.mark.parametrize("moment", ["intent_committed", "called", "recorded"])
def test_a_refund_that_a_crash_breaks_off_is_made_once(bank: BankSide, moment: str) -> None:
    system, payment = bank.system, bank.paid()
    path, body = bank.wanted_refund(payment, "3500")
    system.crash_at(f"refund.{moment}")
    assert system.ask(system.cast.backend, path, body) is None
    assert system.crashed()
    system.eventually(system.web_answers)
    system.time_passes()
    assert system.insist(system.cast.backend, path, body).ok
    system.let_time_pass_until(lambda: system.status(payment) == "partially_refunded")
    assert system.count("refunds", payment_id=payment["id"]) == 1


def test_a_refund_nobody_asks_for_again_is_made_all_the_same(bank: BankSide) -> None:
    system, payment = bank.system, bank.paid()
    system.crash_at("refund.called")
    assert system.ask(system.cast.backend, *bank.wanted_refund(payment, "3500")) is None
    system.let_time_pass_until(lambda: system.status(payment) == "partially_refunded")


@pytest.mark.parametrize("point", ["inbox.committed", "inbox.effects_written", "drain.done"])
def test_what_the_bank_tells_has_one_effect(bank: BankSide, point: str) -> None:
    payment = bank.link()
    bank.system.crash_at(point)
    bank.authorise(payment)
    bank.system.eventually(bank.system.crashed)
    bank.system.time_passes()
    bank.system.wait_for_status(payment, "succeeded")


def test_a_link_that_expires_is_closed_once(bank: BankSide) -> None:
    system, payment = bank.system, bank.link()
    passed = "UPDATE strongroom.payments SET expires_at = now(), poll_at = now() WHERE id = :id"
    in_transaction(
        system.engine, lambda session: session.execute(text(passed), {"id": payment["id"]})
    )
    system.crash_at("give_up.called")
    system.let_time_pass_until(system.crashed)
    system.let_time_pass_until(lambda: system.status(payment) in ("expired", "canceled"))


def test_answers_of_truelayer_may_be_lost(bank: BankSide, randomness: random.Random) -> None:
    bank.knob("faults", {"seed": randomness.getrandbits(32), "rules": [LOST]})
    with ThreadPoolExecutor(4) as callers:
        payments = list(callers.map(lambda _: pay_and_give_back(bank), range(PAYMENTS)))
    [rule] = bank.knob("faults", method="GET")["rules"]
    assert rule["struck"]
    bank.knob("faults")
    system = bank.system
    system.let_time_pass_until(
        lambda: {system.status(payment) for payment in payments} == {"partially_refunded"}
    )
    assert all(system.count("refunds", payment_id=payment["id"]) == 1 for payment in payments)


def test_a_storm_of_webhooks_has_one_effect_a_payment(
    bank: BankSide, randomness: random.Random
) -> None:
    bank.knob("webhooks", {"paused": True})
    with ThreadPoolExecutor(4) as callers:
        payments = list(callers.map(lambda _: bank.link(), range(STORM)))
    known = len(bank.knob("events", method="GET")["items"])
    for payment in payments:
        bank.authorise(payment)
    told = bank.system.eventually(lambda: all_told(bank, known, 2 * STORM))
    copies = {"events": told, "copies": [3, 10], "seed": randomness.getrandbits(32)}
    sent = bank.knob("redeliver", copies, method="POST")["deliveries"]
    assert sent >= 3 * len(told)
    bank.knob("webhooks", {"reorder_window": 50, "seed": randomness.getrandbits(32)})
    bank.system.settle()
    assert {bank.system.status(payment) for payment in payments} == {"succeeded"}
    booked = bank.system.booked_charges()
    assert {payment["id"] for payment in payments} <= booked


def test_a_worker_that_dies_in_the_middle_of_a_run_books_each_line_once(bank: BankSide) -> None:
    system, finance = bank.system, bank.system.cast.finance
    payments = [bank.paid() for _ in range(3)]
    url = f"{system.way_in.base_url}/api/reconciliation"
    created(
        finance.post(
            f"{url}/statements",
            params={"account": "usd"},
            data=bank.statement("usd"),
            timeout=TIMEOUT_S,
        )
    )
    system.crash_at("reconciliation:booked")
    asked = {"reference": f"run-{payments[0]['id']}"}
    run = created(finance.post(f"{url}/runs", json=asked, timeout=TIMEOUT_S))
    system.eventually(system.crashed)
    system.time_passes()
    system.eventually(lambda: bank.count(_DONE, run["id"]) == 1)
    assert [bank.count(_MATCHED, payment["id"]) for payment in payments] == [1, 1, 1]
    assert bank.count(_OPEN, "USD") == 0


_DONE = "SELECT count(*) FROM strongroom.reconciliation_runs WHERE id = :it AND status = 'done'"
_MATCHED = """
    SELECT count(*) FROM strongroom.matches m JOIN strongroom.match_parts p ON p.match_id = m.id
      JOIN strongroom.expectations e ON e.id = p.expectation_id
     WHERE m.state = 'active' AND e.payment_id = :it AND e.kind = 'charge'"""
_OPEN = """
    SELECT count(*) FROM strongroom.expectations
     WHERE matched_amount <> amount AND currency = :it AND payment_id IS NOT NULL"""


def all_told(bank: BankSide, known: int, count: int) -> list[str]:
    events = bank.knob("events", method="GET")["items"][known:]
    return [event["event_id"] for event in events] if len(events) == count else []
