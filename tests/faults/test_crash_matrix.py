"""kill -9 at every named point of a payment: repeated, it has exactly one effect."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.architecture.sources import ROOT
from tests.faults import test_escrow_crash_matrix as escrow_matrix
from tests.faults.harness.system import System

Asked = tuple[str, dict[str, Any]]
Proof = Callable[[], bool]
Story = Callable[[System], tuple[Asked, Proof]]


def create_intent(system: System) -> tuple[Asked, Proof]:
    order = system.order()
    body = {"reference": f"checkout-{order['id']}", "order_id": order["id"]}
    return (
        "/api/payments/intents",
        body,
    ), lambda: system.count("payments", order_id=order["id"]) == 1


def create_checkout(system: System) -> tuple[Asked, Proof]:
    (_, body), proof = create_intent(system)
    shop = system.plan.shop_url
    urls = {"success_url": f"{shop}/done", "cancel_url": f"{shop}/back"}
    return ("/api/payments/stripe/checkout-session", body | urls), proof


def create_bank_link(system: System) -> tuple[Asked, Proof]:
    (_, body), proof = create_intent(system)
    back = f"{system.plan.shop_url}/orders/{body['order_id']}"
    return ("/api/payments/bank/link", body | {"return_url": back}), proof


def confirm(system: System) -> tuple[Asked, Proof]:
    payment = system.payment()
    asked = _act(payment, "confirm", payment_method="pm_card_visa")
    return asked, lambda: system.status(payment) == "succeeded"


def decline(system: System) -> tuple[Asked, Proof]:
    payment = system.payment()
    asked = _act(payment, "confirm", payment_method="pm_card_visa_chargeDeclined")
    return asked, lambda: system.status(payment) == "failed"


def capture(system: System) -> tuple[Asked, Proof]:
    payment = system.payment(capture="manual")
    system.confirm(payment)
    system.wait_for_status(payment, "processing")
    asked = _act(payment, "capture", amount="5000")
    return asked, lambda: system.status(payment) == "succeeded"


def cancel(system: System) -> tuple[Asked, Proof]:
    payment = system.payment()
    return _act(payment, "cancel"), lambda: system.status(payment) == "canceled"


def refund(system: System) -> tuple[Asked, Proof]:
    payment = system.paid()
    asked = _act(payment, "refunds", amount="4000")
    return (
        asked,
        lambda: (
            system.status(payment) == "partially_refunded"
            and system.count("refunds", payment_id=payment["id"]) == 1
        ),
    )


def _act(payment: dict[str, Any], action: str, **body: str) -> Asked:
    path = f"/api/payments/{payment['id']}/{action}"
    return path, {"reference": f"{action}-{payment['id']}", **body}


MOMENTS = ("intent_committed", "called", "recorded")
ACTIONS: dict[str, Story] = {
    "create_intent": create_intent,
    "create_checkout": create_checkout,
    "create_bank_link": create_bank_link,
    "confirm": confirm,
    "capture": capture,
    "cancel": cancel,
    "refund": refund,
}
ASKED_FOR: list[tuple[str, Story]] = [
    *((f"{name}.{moment}", story) for name, story in ACTIONS.items() for moment in MOMENTS),
    ("confirm.called", decline),
    ("confirm.recorded", decline),
    ("web.before_answer", create_intent),
    ("web.before_answer", confirm),
    ("web.before_answer", refund),
]
GIVEN_UP = [f"give_up.{moment}" for moment in MOMENTS]
TOLD = (
    "inbox.inserted",
    "inbox.before_commit",
    "inbox.committed",
    "inbox.claimed",
    "inbox.effects_written",
    "drain.begun",
    "drain.done",
    "settlement.called",
    "settlement.recorded",
    "relay.leased",
    "relay.enqueued",
    "relay.numbered",
    "relay.published",
)


@pytest.mark.parametrize(
    ("point", "story"), ASKED_FOR, ids=[f"{point}-{story.__name__}" for point, story in ASKED_FOR]
)
def test_who_asks_again_gets_one_effect(system: System, point: str, story: Story) -> None:
    (path, body), proof = story(system)
    system.crash_at(point)
    assert system.ask(system.cast.backend, path, body) is None
    assert system.crashed()
    system.eventually(system.web_answers)
    system.time_passes()
    answer = system.insist(system.cast.backend, path, body)
    assert answer.ok or answer.json()["code"] == "card_declined", answer.text
    system.eventually(proof)


@pytest.mark.parametrize("action", ACTIONS)
def test_if_nobody_asks_again_the_outcome_is_found_out_all_the_same(
    system: System, action: str
) -> None:
    (path, body), proof = ACTIONS[action](system)
    system.crash_at(f"{action}.called")
    assert system.ask(system.cast.backend, path, body) is None
    system.settle()
    assert proof()


@pytest.mark.parametrize("point", TOLD)
def test_what_stripe_tells_has_one_effect(system: System, point: str) -> None:
    payment = system.payment()
    system.crash_at(point)
    system.confirm(payment)
    system.eventually(system.crashed)
    system.time_passes()
    system.wait_for_status(payment, "succeeded")


@pytest.mark.parametrize("point", GIVEN_UP)
def test_an_attempt_that_another_overtook_is_given_up_once(system: System, point: str) -> None:
    payment = system.payment()
    overtaken = system.ask(
        system.cast.backend,
        "/api/payments/intents",
        {"reference": f"first-{payment['order_id']}", "order_id": payment["order_id"]},
    )
    assert overtaken is not None
    system.confirm(payment)
    system.wait_for_status(payment, "succeeded")
    system.crash_at(point)
    system.let_time_pass_until(system.crashed)
    system.let_time_pass_until(lambda: system.status(overtaken.json()) == "canceled")


def test_a_crash_after_the_answer_costs_nothing(system: System) -> None:
    (path, body), proof = create_intent(system)
    system.crash_at("web.answered")
    system.insist(system.cast.backend, path, body)
    system.eventually(system.crashed)
    assert system.insist(system.cast.backend, path, body).ok
    assert proof()


def test_every_point_of_the_source_is_in_the_matrix() -> None:
    """That of reconciliation is tried out in test_bank_faults, those of sending on chain in
    test_chain_crash_matrix, those of payouts in test_payouts, those of the finance desk in
    tests/payments, that of notices in tests/jobs: each compares its own.
    """
    named: set[str] = set()
    for package in ("payments", "web", "jobs"):
        for file in (ROOT / package).rglob("*.py"):
            named |= set(re.findall(r'\breach\(\s*f?"([^"]+)"', file.read_text(encoding="utf-8")))
    elsewhere = (
        *("alert.", "entry.", "export.", "invoice."),
        *("notice.", "payout.", "period.", "restore.", "sending."),
    )
    named -= {point for point in named if point.startswith(elsewhere)}
    shared = {point for point in named if point.startswith("{asked.operation}.")}
    assert shared == {f"{{asked.operation}}.{moment}" for moment in MOMENTS}
    named -= shared
    named |= {f"{name}.{moment}" for name in ("confirm", "capture", "cancel") for moment in MOMENTS}
    tried = {*dict(ASKED_FOR), *TOLD, *GIVEN_UP, "web.answered", "reconciliation:booked"}
    assert named == tried | {*dict(escrow_matrix.ASKED_FOR), *escrow_matrix.WATCHED}
