"""Authorized payments: captured whole or in part, once, or let go."""

import pytest
import stripe
from stripe import StripeClient

from sandbox.stripe.server import SimulatedStripe
from tests.sandbox.stripe.paying import booked, kinds_told, pay, turn, wait_for_event


def charge_of(client: StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return client.v1.charges.retrieve(str(intent.latest_charge), {"expand": ["refunds"]})


def test_the_whole_amount_is_captured_and_booked(client: StripeClient) -> None:
    intent = client.v1.payment_intents.capture(pay(client, manual=True).id)

    assert (intent.status, intent.amount_received, intent.amount_capturable) == (
        "succeeded",
        10000,
        0,
    )
    charge = charge_of(client, intent)
    assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (True, 10000, 0)
    assert booked(client, charge.id) == [("charge", "charge", 10000, 175)]
    assert kinds_told(client)[-2:] == ["charge.captured", "payment_intent.succeeded"]


def test_a_part_is_captured_and_the_rest_released_without_any_money_moving(
    client: StripeClient,
) -> None:
    intent = client.v1.payment_intents.capture(
        pay(client, manual=True).id, {"amount_to_capture": 6000, "metadata": {"box": "1"}}
    )

    assert (intent.status, intent.amount_received, intent.amount) == ("succeeded", 6000, 10000)
    assert intent.metadata["box"] == "1"
    charge = charge_of(client, intent)
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (6000, 4000, False)
    assert charge.refunds is not None
    (release,) = charge.refunds.data
    assert (release.amount, release.balance_transaction) == (4000, None)
    assert booked(client, charge.id) == [("charge", "charge", 6000, 115)]
    assert client.v1.refunds.create({"payment_intent": intent.id}).amount == 6000


def test_too_much_or_twice_cannot_be_captured(client: StripeClient) -> None:
    intent = pay(client, manual=True)
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 10001})
    assert (too_much.value.code, too_much.value.param) == ("amount_too_large", "amount_to_capture")

    client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1})
    with pytest.raises(stripe.InvalidRequestError) as twice:
        client.v1.payment_intents.capture(intent.id)
    assert twice.value.code == "payment_intent_unexpected_state"


def test_what_is_canceled_is_let_go(client: StripeClient) -> None:
    intent = client.v1.payment_intents.cancel(pay(client, manual=True).id)

    assert (intent.status, intent.amount_capturable) == ("canceled", 0)
    charge = charge_of(client, intent)
    assert (charge.captured, charge.refunded) == (False, True)
    assert booked(client, charge.id) == []
    assert kinds_told(client)[-2:] == ["charge.refunded", "payment_intent.canceled"]
    with pytest.raises(stripe.InvalidRequestError, match="cancel the PaymentIntent"):
        client.v1.refunds.create({"charge": charge.id})


def test_an_authorization_that_nobody_captures_expires(
    client: StripeClient, simulated: SimulatedStripe
) -> None:
    intent = pay(client, manual=True)
    turn(simulated, "POST", "clock", advance_s=7 * 24 * 3600)

    expired = wait_for_event(client, "payment_intent.canceled").data.object
    assert (expired["id"], expired["cancellation_reason"]) == (intent.id, "automatic")
    assert "charge.expired" in kinds_told(client)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.capture(intent.id)


def test_intents_and_charges_are_listed(client: StripeClient) -> None:
    paid = [pay(client, amount=1000 + number) for number in range(3)]

    page = client.v1.payment_intents.list({"limit": 2})
    assert [intent.id for intent in page.data] == [paid[2].id, paid[1].id]
    assert page.has_more
    everything = client.v1.payment_intents.list({"limit": 1}).auto_paging_iter()
    assert [intent.amount for intent in everything] == [1002, 1001, 1000]
    assert client.v1.payment_intents.list({"created": {"gt": paid[2].created + 60}}).data == []
    (charge,) = client.v1.charges.list({"payment_intent": paid[0].id}).data
    assert charge.id == paid[0].latest_charge


def test_a_capture_is_replayed_under_its_key(client: StripeClient) -> None:
    intent = pay(client, manual=True)
    for _ in range(2):
        captured = client.v1.payment_intents.capture(
            intent.id, {"amount_to_capture": 500}, {"idempotency_key": "capture"}
        )
        assert captured.amount_received == 500
    assert kinds_told(client).count("charge.captured") == 1
