"""Calls that go wrong on demand: before the effect or after it, as often as asked, from a seed."""

import time
from collections.abc import Iterator
from threading import Barrier, Thread

import pytest
import requests
import stripe
from stripe import StripeClient
from stripe.params import PaymentIntentCreateParams

from sandbox.stripe.server import SimulatedStripe
from tests.sandbox.stripe.paying import pay, turn

PARAMS: PaymentIntentCreateParams = {"amount": 700, "currency": "usd"}


def made(client: StripeClient) -> int:
    return len(client.v1.payment_intents.list({"limit": 100}).data)


@pytest.fixture
def patient(simulated: SimulatedStripe) -> Iterator[StripeClient]:
    """A client that waits half a second for an answer."""
    http_client = stripe.RequestsClient(timeout=0.5)
    yield StripeClient(
        simulated.account.secret_key,
        base_addresses={"api": simulated.url},
        http_client=http_client,
        max_network_retries=0,
    )
    http_client.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
def test_a_lost_connection_leaves_the_effect_or_none(
    client: StripeClient, simulated: SimulatedStripe, when: str, effects: int
) -> None:
    rule = {"fault": "close", "when": when, "path": "/v1/payment_intents", "times": 1}
    turn(simulated, "PUT", "faults", rules=[rule])

    with pytest.raises(stripe.APIConnectionError):
        client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"})
    assert made(client) == effects
    client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"})
    assert made(client) == 1
    (shown,) = turn(simulated, "GET", "faults")["rules"]
    assert (shown["seen"], shown["struck"]) == (1, 1)


def test_an_answer_that_never_comes_is_a_time_out(
    patient: StripeClient, client: StripeClient, simulated: SimulatedStripe
) -> None:
    rule = {"fault": "close", "when": "after", "wait_s": 60, "path": "/v1/refunds"}
    turn(simulated, "PUT", "faults", rules=[rule])
    intent = pay(client)

    with pytest.raises(stripe.APIConnectionError, match="timed out"):
        patient.v1.refunds.create({"payment_intent": intent.id})
    assert len(client.v1.refunds.list({"payment_intent": intent.id}).data) == 1


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_error_after_the_effect_and_the_same_key_again(
    client: StripeClient, simulated: SimulatedStripe, status: int
) -> None:
    rule = {"fault": "answer", "status": status, "when": "after", "times": 1}
    turn(simulated, "PUT", "faults", rules=[rule])

    with pytest.raises((stripe.APIError, stripe.RateLimitError)) as failed:
        client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"})
    assert failed.value.http_status == status
    assert client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"}).amount == 700
    assert made(client) == 1


def test_an_error_that_stripe_keeps_for_the_key(
    client: StripeClient, simulated: SimulatedStripe
) -> None:
    rule = {"fault": "answer", "status": 500, "when": "after", "times": 1, "kept": True}
    turn(simulated, "PUT", "faults", rules=[rule])

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k1"})
    assert made(client) == 1


def test_the_same_seed_breaks_the_same_calls(
    client: StripeClient, simulated: SimulatedStripe
) -> None:
    def broken(seed: int) -> list[bool]:
        rule = {"fault": "answer", "method": "GET", "path": "/v1/balance", "probability": 0.3}
        turn(simulated, "PUT", "faults", seed=seed, rules=[rule])
        outcomes = []
        for _ in range(30):
            try:
                client.v1.balance.retrieve()
                outcomes.append(False)
            except stripe.APIError:
                outcomes.append(True)
        return outcomes

    first = broken(7)
    assert 0 < sum(first) < 30
    assert broken(7) == first
    assert broken(8) != first


def test_a_slow_call_is_answered(client: StripeClient, simulated: SimulatedStripe) -> None:
    turn(simulated, "PUT", "faults", rules=[{"fault": "slow", "wait_s": 0.2, "method": "*"}])
    begun = time.monotonic()
    assert client.v1.balance.retrieve().object == "balance"
    assert time.monotonic() - begun >= 0.2


def test_a_call_that_is_still_running_is_409_for_the_same_key(
    patient: StripeClient, client: StripeClient, simulated: SimulatedStripe
) -> None:
    rule = {"fault": "slow", "when": "during", "wait_s": 60, "path": "/v1/refunds", "times": 1}
    turn(simulated, "PUT", "faults", rules=[rule])
    intent = pay(client)
    with pytest.raises(stripe.APIConnectionError):
        patient.v1.refunds.create({"payment_intent": intent.id}, {"idempotency_key": "r1"})

    with pytest.raises(stripe.APIError) as running:
        client.v1.refunds.create({"payment_intent": intent.id}, {"idempotency_key": "r1"})
    assert running.value.http_status == 409
    assert running.value.error is not None
    assert running.value.error.code == "idempotency_key_in_use"


def test_concurrent_refunds_never_give_back_more_than_was_paid(client: StripeClient) -> None:
    intent = pay(client, amount=1000)
    start = Barrier(4)
    outcomes: list[str] = []

    def refund(key: str) -> None:
        start.wait()
        try:
            made = client.v1.refunds.create(
                {"payment_intent": intent.id, "amount": 400}, {"idempotency_key": key}
            )
            outcomes.append(str(made.status))
        except stripe.InvalidRequestError as error:
            outcomes.append(str(error.code))

    callers = [Thread(target=refund, args=(key,)) for key in "abcd"]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(outcomes) == ["amount_too_large"] * 2 + ["succeeded"] * 2


def test_knobs_need_the_secret_key_and_known_names(simulated: SimulatedStripe) -> None:
    url = f"{simulated.url}/_sandbox/faults"
    assert requests.get(url, timeout=5).status_code == 401
    headers = {"Authorization": f"Bearer {simulated.account.secret_key}"}
    for wanted in ({"rules": [{"fault": "explode"}]}, {"rules": [{"fault": "slow", "x": 1}]}):
        answer = requests.put(url, json=wanted, headers=headers, timeout=5)
        assert answer.status_code == 400
