"""What Stripe.js does: confirm with publishable key, client secret and typed card fields."""

from typing import Any

import pytest
import requests
import stripe
from stripe import StripeClient

from sandbox.stripe.server import SimulatedStripe


def new_intent(client: StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {"amount": 4200, "currency": "usd", "metadata": {"order_id": "ord_1"}}
    )


def pay(
    simulated: SimulatedStripe, intent: stripe.PaymentIntent, number: str, **other: str
) -> requests.Response:
    form = {
        "key": simulated.account.publishable_key,
        "client_secret": str(intent.client_secret),
        "use_stripe_sdk": "true",
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": number,
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2034",
        "payment_method_data[card][cvc]": "123",
        **other,
    }
    return requests.post(
        f"{simulated.url}/v1/payment_intents/{intent.id}/confirm",
        data=form,
        headers={"Origin": "http://127.0.0.1:8001"},
        timeout=10,
    )


def error_of(answer: requests.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    return error


def test_a_typed_card_pays_and_the_browser_learns_nothing_private(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    intent = new_intent(client)
    answer = pay(simulated, intent, "4242 4242 4242 4242")

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    seen = answer.json()
    assert (seen["id"], seen["status"]) == (intent.id, "succeeded")
    assert "metadata" not in seen
    assert "latest_charge" not in seen


@pytest.mark.parametrize(
    ("number", "decline_code"),
    [
        ("4000000000000002", "generic_decline"),
        ("4000000000009995", "insufficient_funds"),
        ("4111111111111111", "test_mode_live_card"),
    ],
)
def test_typed_cards_are_declined(
    simulated: SimulatedStripe, client: StripeClient, number: str, decline_code: str
) -> None:
    answer = pay(simulated, new_intent(client), number)

    assert answer.status_code == 402
    assert error_of(answer)["decline_code"] == decline_code
    assert error_of(answer)["payment_intent"]["status"] == "requires_payment_method"
    assert "metadata" not in error_of(answer)["payment_intent"]


def test_a_mistyped_card_never_becomes_a_charge(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    intent = new_intent(client)
    for field, value, code in (
        ("number", "4242424242424241", "incorrect_number"),
        ("exp_month", "13", "invalid_expiry_month"),
        ("exp_year", "2020", "invalid_expiry_year"),
        ("cvc", "1", "invalid_cvc"),
    ):
        answer = pay(
            simulated, intent, "4242424242424242", **{f"payment_method_data[card][{field}]": value}
        )
        assert (answer.status_code, error_of(answer)["code"]) == (402, code)
    assert client.v1.payment_intents.retrieve(intent.id).latest_charge is None


def test_the_client_secret_of_another_intent_opens_nothing(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    intent, other = new_intent(client), new_intent(client)
    answer = pay(simulated, intent, "4242424242424242", client_secret=str(other.client_secret))

    assert (answer.status_code, error_of(answer)["param"]) == (400, "client_secret")
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_the_publishable_key_creates_and_reads_nothing_else(simulated: SimulatedStripe) -> None:
    headers = {"Authorization": f"Bearer {simulated.account.publishable_key}"}
    for answer in (
        requests.post(f"{simulated.url}/v1/payment_intents", headers=headers, timeout=10),
        requests.get(f"{simulated.url}/v1/events", headers=headers, timeout=10),
    ):
        assert (answer.status_code, error_of(answer)["code"]) == (401, "secret_key_required")


def test_card_numbers_are_refused_from_a_backend(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    answer = pay(
        simulated, new_intent(client), "4242424242424242", key=simulated.account.secret_key
    )
    assert answer.status_code == 402


def test_no_card_number_is_kept(simulated: SimulatedStripe, client: StripeClient) -> None:
    pay(simulated, new_intent(client), "4000000000009995")

    with simulated.store.transaction() as transaction:
        bodies = transaction.sql.execute("SELECT group_concat(body) FROM objects").fetchone()[0]
    assert "4000000000009995" not in bodies


def test_the_browser_library_is_served(simulated: SimulatedStripe) -> None:
    answer = requests.get(f"{simulated.url}/v3/", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "confirmCardPayment" in answer.text
