"""Webhooks: signed, one for every event, tried again until accepted, also after a restart."""

import time
from pathlib import Path

import pytest
import stripe
from stripe import StripeClient

from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe
from tests.sandbox.stripe.conftest import Endpoint

CARD: stripe.params.PaymentIntentCreateParams = {
    "amount": 700,
    "currency": "usd",
    "capture_method": "automatic",
    "allowed_payment_method_types": ["card"],
}


def kinds_received(endpoint: Endpoint, count: int) -> list[str]:
    return sorted(endpoint.next_event().type for _ in range(count))


def test_every_step_of_a_payment_is_told(client: StripeClient, endpoint: Endpoint) -> None:
    intent = client.v1.payment_intents.create(CARD)
    assert kinds_received(endpoint, 1) == ["payment_intent.created"]

    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_visa_chargeDeclined"}
        )
    assert kinds_received(endpoint, 2) == ["charge.failed", "payment_intent.payment_failed"]

    client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert kinds_received(endpoint, 2) == ["charge.succeeded", "payment_intent.succeeded"]

    client.v1.payment_intents.cancel(client.v1.payment_intents.create(CARD).id)
    assert kinds_received(endpoint, 2) == ["payment_intent.canceled", "payment_intent.created"]


def test_an_event_is_the_object_as_it_was_then(client: StripeClient, endpoint: Endpoint) -> None:
    intent = client.v1.payment_intents.create(CARD, {"idempotency_key": "k7"})
    client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    events = {event.type: event for event in (endpoint.next_event() for _ in range(3))}
    created = events["payment_intent.created"]
    assert created.data.object["status"] == "requires_payment_method"
    assert created.request is not None
    assert created.request.idempotency_key == "k7"
    assert created.api_version == stripe.api_version
    assert events["payment_intent.succeeded"].data.object["status"] == "succeeded"


def test_a_refused_delivery_is_made_again_until_it_is_accepted(
    client: StripeClient, endpoint: Endpoint
) -> None:
    endpoint.statuses.put(500)
    endpoint.statuses.put(302)
    client.v1.payment_intents.create(CARD)

    assert len({endpoint.next_event().id for _ in range(3)}) == 1
    (event,) = client.v1.events.list().data
    wait_until_delivered(client, event.id)
    assert endpoint.received.empty()


def wait_until_delivered(client: StripeClient, event_id: str) -> None:
    """The endpoint answers before the sender has noted the answer."""
    deadline = time.monotonic() + 10
    while client.v1.events.retrieve(event_id).pending_webhooks:
        assert time.monotonic() < deadline


def test_undelivered_events_survive_a_restart(
    account: Account, endpoint: Endpoint, tmp_path: Path
) -> None:
    data = tmp_path / "stripe.db"
    for _ in range(50):
        endpoint.statuses.put(503)
    with SimulatedStripe(account, data=data, retry_first_s=60) as simulated:
        client = StripeClient(account.secret_key, base_addresses={"api": simulated.url})
        intent = client.v1.payment_intents.create(CARD)
        endpoint.next_event()
    endpoint.statuses.queue.clear()

    with SimulatedStripe(account, data=data) as simulated:
        assert endpoint.next_event().data.object["id"] == intent.id
        client = StripeClient(account.secret_key, base_addresses={"api": simulated.url})
        assert client.v1.payment_intents.retrieve(intent.id).amount == 700


def test_events_are_listed_filtered_and_paged(client: StripeClient) -> None:
    for _ in range(3):
        client.v1.payment_intents.cancel(client.v1.payment_intents.create(CARD).id)

    created = client.v1.events.list({"type": "payment_intent.created", "limit": 2})
    assert [event.type for event in created.data] == ["payment_intent.created"] * 2
    assert created.has_more
    rest = client.v1.events.list(
        {"type": "payment_intent.created", "starting_after": created.data[-1].id}
    )
    assert (len(rest.data), rest.has_more) == (1, False)
    newer = client.v1.events.list({"ending_before": rest.data[0].id, "limit": 100})
    assert len(newer.data) == 5
    assert len(list(client.v1.events.list({"limit": 2}).auto_paging_iter())) == 6
    assert client.v1.events.list({"created": {"lt": newer.data[0].created - 60}}).data == []
    kinds = ["payment_intent.canceled", "charge.failed"]
    assert len(client.v1.events.list({"types": kinds}).data) == 3


def test_failing_deliveries_can_be_listed(client: StripeClient, endpoint: Endpoint) -> None:
    for _ in range(1000):
        endpoint.statuses.put(500)
    client.v1.payment_intents.create(CARD)
    endpoint.next_event()

    assert len(client.v1.events.list({"delivery_success": False}).data) == 1
    assert client.v1.events.list({"delivery_success": True}).data == []
