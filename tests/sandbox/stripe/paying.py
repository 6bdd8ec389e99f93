"""A paid card, the webhooks that follow, and the knobs of the simulated Stripe, for tests."""

from typing import Any

import requests
import stripe
from stripe import StripeClient

from sandbox.stripe.server import SimulatedStripe
from tests.conditions import wait_until


def pay(
    client: StripeClient, card: str = "pm_card_visa", *, amount: int = 10000, manual: bool = False
) -> stripe.PaymentIntent:
    """An intent of this amount, confirmed with a test card."""
    intent = client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "capture_method": "manual" if manual else "automatic",
            "allowed_payment_method_types": ["card"],
        }
    )
    return client.v1.payment_intents.confirm(intent.id, {"payment_method": card})


def turn(simulated: SimulatedStripe, method: str, path: str, **wanted: Any) -> dict[str, Any]:
    """Turn a knob; what it answers."""
    answer = requests.request(
        method,
        f"{simulated.url}/_sandbox/{path}",
        json=wanted,
        headers={"Authorization": f"Bearer {simulated.account.secret_key}"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def kinds_told(client: StripeClient) -> list[str]:
    """The types of all events so far, oldest first."""
    return [str(event.type) for event in client.v1.events.list({"limit": 100}).data][::-1]


def wait_for_event(client: StripeClient, kind: str) -> stripe.Event:
    """The newest event of this type, once there is one."""
    wait_until(lambda: bool(client.v1.events.list({"type": kind}).data))
    return client.v1.events.list({"type": kind}).data[0]


def booked(client: StripeClient, source: str) -> list[tuple[str, str, int, int]]:
    """Type, category, amount and fee of every balance transaction of a source, oldest first."""
    found = client.v1.balance_transactions.list({"source": source}).data
    return [(one.type, one.reporting_category, one.amount, one.fee) for one in found][::-1]
