"""Idempotency keys: the same answer again, another request refused, a running one 409."""

from threading import Barrier, Thread

import pytest
import requests
import stripe
from stripe import StripeClient
from stripe.params import PaymentIntentCreateParams

from sandbox.simulated.replays import Keyed, claim, fingerprint
from sandbox.stripe.server import SimulatedStripe

PARAMS: PaymentIntentCreateParams = {
    "amount": 700,
    "currency": "usd",
    "allowed_payment_method_types": ["card"],
}


def test_the_same_request_gets_the_same_answer(client: StripeClient) -> None:
    first = client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"})
    second = client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"})

    assert second.to_dict() == first.to_dict()
    assert first.last_response is not None
    assert second.last_response is not None
    assert "idempotent-replayed" not in first.last_response.headers
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert (
        second.last_response.headers["original-request"]
        == first.last_response.headers["request-id"]
    )
    assert len(client.v1.events.list().data) == 1


def test_a_decline_is_replayed_and_not_tried_again(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(PARAMS)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.confirm(
                intent.id,
                {"payment_method": "pm_card_chargeDeclined"},
                {"idempotency_key": "confirm"},
            )
    kinds = [event.type for event in client.v1.events.list().data]
    assert kinds.count("charge.failed") == 1


def test_other_parameters_under_the_same_key_are_refused(client: StripeClient) -> None:
    client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"})

    with pytest.raises(stripe.IdempotencyError) as refusal:
        client.v1.payment_intents.create(PARAMS | {"amount": 701}, {"idempotency_key": "k1"})
    assert refusal.value.http_status == 400


def test_a_refused_request_does_not_use_up_its_key(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create(PARAMS | {"amount": 1}, {"idempotency_key": "k1"})
    assert client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"}).amount == 700


def test_a_key_in_use_is_409(simulated: SimulatedStripe) -> None:
    pairs = [("amount", "700"), ("currency", "usd")]
    path = "/v1/payment_intents"
    running = Keyed("k1", fingerprint(path, pairs), "req_running")
    assert claim(simulated.store, simulated.account.now(), running) is None

    answer = requests.post(
        simulated.url + path,
        data=dict(pairs),
        headers={
            "Authorization": f"Bearer {simulated.account.secret_key}",
            "Idempotency-Key": "k1",
        },
        timeout=10,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_in_use")


def test_concurrent_twins_make_one_intent(client: StripeClient) -> None:
    start = Barrier(4)
    seen: list[str] = []

    def create() -> None:
        start.wait()
        try:
            seen.append(client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"}).id)
        except stripe.APIError as error:
            seen.append(str(error.http_status))

    twins = [Thread(target=create) for _ in range(4)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert len(seen) == 4
    assert len(set(seen) - {"409"}) == 1
    assert len(client.v1.events.list().data) == 1
