"""kill -9 at every named point of a payment: repeated, it has exactly one effect."""

import re
from collections.abc import Callable

import pytest

from tests.architecture.sources import ROOT
from tests.faults.harness.system import System

Story = Callable[[System, str], None]


def create(system: System, point: str) -> None:
    """The buyer's browser starts to pay, and tries again until it can."""
    order = system.order()
    body = {"reference": f"checkout-{order['id']}", "order_id": order["id"]}
    system.crash_at(point)
    assert system.ask(system.cast.buyer, "/api/payments/intents", body) is None
    assert system.crashed()
    system.eventually(system.web_answers)
    system.time_passes()
    payment = system.insist(system.cast.buyer, "/api/payments/intents", body).json()
    assert payment["client_secret"]
    assert system.count("payments", order_id=order["id"]) == 1


def hear(system: System, point: str) -> None:
    """Stripe tells of a success while whoever hears it dies."""
    payment = system.payment()
    system.crash_at(point)
    system.confirm(payment)
    system.eventually(system.crashed)
    system.time_passes()
    system.eventually(lambda: system.status(payment) == "succeeded")


MATRIX: dict[str, Story] = {
    "create_intent.intent_committed": create,
    "create_intent.called": create,
    "create_intent.recorded": create,
    "web.before_answer": create,
    "web.answered": hear,
    "inbox.inserted": hear,
    "inbox.before_commit": hear,
    "inbox.committed": hear,
    "inbox.claimed": hear,
    "inbox.effects_written": hear,
    "drain.begun": hear,
    "drain.done": hear,
    "settlement.called": hear,
    "settlement.recorded": hear,
    "relay.leased": hear,
    "relay.enqueued": hear,
    "relay.numbered": hear,
    "relay.published": hear,
}


@pytest.mark.parametrize("point", MATRIX)
def test_a_crash_anywhere_loses_nothing_and_doubles_nothing(system: System, point: str) -> None:
    MATRIX[point](system, point)


def test_every_point_of_the_source_is_in_the_matrix() -> None:
    named: set[str] = set()
    for package in ("payments", "web", "jobs"):
        for file in (ROOT / package).rglob("*.py"):
            named |= set(re.findall(r'reach\(\s*"([a-z_.]+)"', file.read_text(encoding="utf-8")))
    assert named == set(MATRIX)
