"""Every event many times, shuffled, some days late, some forged: each has exactly one effect."""

import copy
import json
import random
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.stripe.webhooks import signature
from sandbox.way_in import loopback_session
from tests.faults.harness.system import System

EVENTS = 500
CONNECTIONS = 8
DAY_S = 24 * 60 * 60


def stripe_events(system: System, payments: set[str]) -> list[dict[str, Any]]:
    """What Stripe has to tell about the success of these payments."""
    return [
        event
        for event in system.books.all("event")
        if event["type"] == "payment_intent.succeeded"
        and event["data"]["object"]["metadata"]["payment_id"] in payments
    ]


def deliveries(
    events: list[dict[str, Any]], randomness: random.Random, *, secret: str
) -> list[tuple[bytes, str, int]]:
    """Return bodies, the secrets they are signed with, and the answers they must get."""
    sent = []
    for event in events:
        if randomness.random() < 0.05:
            event["created"] -= randomness.randint(1, 3) * DAY_S
        body = json.dumps(event).encode()
        sent += [(body, secret, 200)] * randomness.randint(3, 10)
    forged = copy.deepcopy(randomness.choices(events, k=len(sent) // 100))
    for event in forged:
        event["id"] = f"evt_{secrets.token_hex(12)}"
        sent.append((json.dumps(event).encode(), "whsec_of_somebody_else", 400))
    randomness.shuffle(sent)
    return sent


def test_a_storm_of_webhooks_has_one_effect_an_event(
    system: System, randomness: random.Random
) -> None:
    system.turn_knob("webhooks", drop=1.0)
    payments = {payment["id"] for payment in system.pay_all(EVENTS, meanwhile=lambda: None)}
    system.turn_knob("webhooks")
    events = stripe_events(system, payments)
    assert len(events) == EVENTS

    url = f"{system.way_in.base_url}/api/webhooks/stripe"
    sessions = [loopback_session() for _ in range(CONNECTIONS)]
    sent = deliveries(events, randomness, secret=system.way_in.webhook_secrets["stripe"])

    def deliver(share: int) -> Counter[tuple[int, int, bool]]:
        answers: Counter[tuple[int, int, bool]] = Counter()
        for body, secret, wanted in sent[share::CONNECTIONS]:
            header = signature(body, secret, timestamp=int(time.time()))  # noqa: TID251 - signed when sent
            headers = {"Stripe-Signature": header, "Content-Type": "application/json"}
            answer = sessions[share].post(url, data=body, headers=headers, timeout=30)
            answers[wanted, answer.status_code, not answer.json().get("duplicate", True)] += 1
        return answers

    with ThreadPoolExecutor(CONNECTIONS) as connections:
        answers = sum(connections.map(deliver, range(CONNECTIONS)), Counter())

    assert {(wanted, got) for wanted, got, _ in answers if wanted != got} == set()
    # On a slow machine the job that asks Stripe for missed events is first with some of them.
    assert sum(count for (_, _, is_new), count in answers.items() if is_new) <= EVENTS
    taken_in = [
        system.count("webhook_inbox", provider="stripe", event_id=event["id"]) for event in events
    ]
    assert taken_in == [1] * EVENTS
    system.eventually(lambda: not system.count("webhook_inbox", state="new"))
    assert {system.status({"id": one}) for one in payments} == {"succeeded"}
    assert len(system.booked_charges() & payments) == EVENTS
