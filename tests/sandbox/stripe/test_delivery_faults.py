"""Webhooks that go wrong on demand: twice, late, out of order, never, or wrongly signed."""

from queue import Empty

import pytest
import stripe
from stripe import StripeClient

from sandbox.stripe.server import SimulatedStripe
from tests.conditions import wait_until
from tests.sandbox.stripe.conftest import WEBHOOK_SECRET, Endpoint
from tests.sandbox.stripe.paying import turn


def make_events(client: StripeClient, count: int) -> list[str]:
    for number in range(count):
        client.v1.payment_intents.create({"amount": 1000 + number, "currency": "usd"})
    return [event.id for event in client.v1.events.list({"limit": count}).data][::-1]


def undelivered(client: StripeClient) -> list[str]:
    return [event.id for event in client.v1.events.list({"delivery_success": False}).data]


def test_paused_deliveries_wait(
    client: StripeClient, simulated: SimulatedStripe, endpoint: Endpoint
) -> None:
    turn(simulated, "PUT", "webhooks", paused=True)
    (event_id,) = make_events(client, 1)
    with pytest.raises(Empty):
        endpoint.next_event(timeout_s=0.2)
    assert undelivered(client) == [event_id]
    turn(simulated, "PUT", "webhooks")
    assert endpoint.next_event().id == event_id


def test_duplicates_and_disorder(
    client: StripeClient, simulated: SimulatedStripe, endpoint: Endpoint
) -> None:
    turn(simulated, "PUT", "webhooks", paused=True)
    events = make_events(client, 20)
    turn(simulated, "PUT", "webhooks", seed=3, duplicate=0.5, reorder_window=20)
    wait_until(lambda: undelivered(client) == [])

    arrived = [endpoint.next_event().id for _ in range(endpoint.received.qsize())]
    assert set(arrived) == set(events)
    assert len(arrived) > 20
    first_arrivals = list(dict.fromkeys(arrived))
    assert first_arrivals != events


def test_a_dropped_event_is_known_to_be_undelivered_and_can_be_redelivered(
    client: StripeClient, simulated: SimulatedStripe, endpoint: Endpoint
) -> None:
    turn(simulated, "PUT", "webhooks", drop=1)
    (event_id,) = make_events(client, 1)
    with pytest.raises(Empty):
        endpoint.next_event(timeout_s=0.2)
    assert undelivered(client) == [event_id]

    turn(simulated, "PUT", "webhooks")
    told = turn(simulated, "POST", "redeliver", events=[event_id], copies=[3, 3])
    assert told == {"deliveries": 3}
    assert {endpoint.next_event().id for _ in range(3)} == {event_id}


def test_a_delay_holds_the_first_try_back(
    client: StripeClient, simulated: SimulatedStripe, endpoint: Endpoint
) -> None:
    turn(simulated, "PUT", "webhooks", delay=1, delay_max_s=3 * 24 * 3600)
    (event_id,) = make_events(client, 1)
    with pytest.raises(Empty):
        endpoint.next_event(timeout_s=0.2)
    turn(simulated, "POST", "clock", advance_s=3 * 24 * 3600)
    assert endpoint.next_event().id == event_id


@pytest.mark.parametrize("fault", ["wrong_secret", "old_secret", "old_timestamp"])
def test_a_delivery_can_be_signed_so_that_it_has_to_be_refused(
    client: StripeClient, simulated: SimulatedStripe, endpoint: Endpoint, fault: str
) -> None:
    turn(simulated, "PUT", "webhooks", **{fault: 1}, old_secret_value="whsec_before")
    make_events(client, 1)
    body, signature = endpoint.received.get(timeout=10)

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
    if fault == "old_secret":
        assert stripe.Webhook.construct_event(body, signature, "whsec_before")


def test_unknown_events_can_be_told(
    client: StripeClient, simulated: SimulatedStripe, endpoint: Endpoint
) -> None:
    turn(simulated, "POST", "events", type="invention.made", object={"id": "inv_1"})
    told = endpoint.next_event()
    assert str(told.type) == "invention.made"
    assert client.v1.events.list({"type": "invention.*"}).data[0].id == told.id
