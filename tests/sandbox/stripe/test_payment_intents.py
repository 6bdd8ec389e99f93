"""PaymentIntents through the real Stripe SDK: created, confirmed, declined, canceled, refused."""

from collections.abc import Callable

import pytest
import requests
import stripe
from stripe import StripeClient

from sandbox.stripe.server import SimulatedStripe


def new_intent(client: StripeClient, capture_method: str = "automatic") -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 12500,
            "currency": "usd",
            "capture_method": capture_method,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"payment_id": "pay_1", "order_id": "ord_1"},
        }
    )


def confirm(client: StripeClient, intent: stripe.PaymentIntent, token: str) -> stripe.PaymentIntent:
    return client.v1.payment_intents.confirm(intent.id, {"payment_method": token})


def test_a_new_intent_waits_for_a_card(client: StripeClient) -> None:
    intent = new_intent(client)

    assert intent.status == "requires_payment_method"
    assert (intent.amount, intent.currency) == (12500, "usd")
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.metadata["order_id"] == "ord_1"
    assert client.v1.payment_intents.retrieve(intent.id).to_dict() == intent.to_dict()


def test_a_good_card_is_charged_and_the_fee_is_known(client: StripeClient) -> None:
    intent = confirm(client, new_intent(client), "pm_card_visa")

    assert (intent.status, intent.amount_received) == ("succeeded", 12500)
    charge = client.v1.charges.retrieve(
        str(intent.latest_charge), {"expand": ["balance_transaction"]}
    )
    assert (charge.status, charge.paid, charge.amount_captured) == ("succeeded", True, 12500)
    booked = charge.balance_transaction
    assert isinstance(booked, stripe.BalanceTransaction)
    assert (booked.amount, booked.fee, booked.net) == (12500, 213, 12287)
    assert client.v1.balance_transactions.retrieve(booked.id).source == charge.id


def test_manual_capture_only_reserves(client: StripeClient) -> None:
    intent = confirm(client, new_intent(client, "manual"), "pm_card_visa")

    assert (intent.status, intent.amount_capturable) == ("requires_capture", 12500)
    assert client.v1.charges.retrieve(str(intent.latest_charge)).captured is False


def test_the_default_capture_books_the_fee_only_afterwards(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 900, "currency": "eur", "allowed_payment_method_types": ["card"]}
    )
    assert intent.capture_method == "automatic_async"
    confirm(client, intent, "pm_card_visa")

    newest_first = client.v1.events.list().data
    assert [event.type for event in newest_first[:3]] == [
        "charge.updated",
        "payment_intent.succeeded",
        "charge.succeeded",
    ]
    assert newest_first[0].data.object["balance_transaction"] is not None
    assert newest_first[2].data.object["balance_transaction"] is None


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
def test_a_decline_names_its_reason_and_leaves_the_intent_open(
    client: StripeClient, token: str, code: str, decline_code: str | None
) -> None:
    intent = new_intent(client)
    with pytest.raises(stripe.CardError) as declined:
        confirm(client, intent, token)

    error = declined.value.error
    assert declined.value.http_status == 402
    assert error is not None
    assert error.type == "card_error"
    assert error.code == code
    assert error.to_dict().get("decline_code") == decline_code
    assert error.message
    after = client.v1.payment_intents.retrieve(intent.id)
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == code
    failed = client.v1.charges.retrieve(str(after.latest_charge))
    assert (failed.status, failed.failure_code, failed.balance_transaction) == (
        "failed",
        code,
        None,
    )
    assert confirm(client, intent, "pm_card_visa").status == "succeeded"


def test_a_succeeded_intent_is_neither_confirmed_nor_canceled(client: StripeClient) -> None:
    intent = confirm(client, new_intent(client), "pm_card_visa")

    with pytest.raises(stripe.InvalidRequestError) as refused_twice:
        confirm(client, intent, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError) as refused_cancel:
        client.v1.payment_intents.cancel(intent.id)
    for refusal in (refused_twice, refused_cancel):
        assert refusal.value.code == "payment_intent_unexpected_state"


def test_a_canceled_intent_stays_canceled(client: StripeClient) -> None:
    intent = client.v1.payment_intents.cancel(
        new_intent(client).id, {"cancellation_reason": "abandoned"}
    )

    assert (intent.status, intent.cancellation_reason) == ("canceled", "abandoned")
    assert intent.canceled_at is not None
    with pytest.raises(stripe.InvalidRequestError):
        confirm(client, intent, "pm_card_visa")


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ("currency=usd", "parameter_missing", "amount"),
        ("amount=100", "parameter_missing", "currency"),
        ("amount=1.5&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=10&currency=usd", "amount_too_small", "amount"),
        ("amount=100&currency=usd&colour=red", "parameter_unknown", "colour"),
        (
            "amount=100&currency=usd&payment_method_types[]=card",
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        ("amount=100&currency=usd&payment_method=pm_none", "resource_missing", "payment_method"),
    ],
)
def test_bad_parameters_are_named(
    simulated: SimulatedStripe, form: str, code: str, param: str
) -> None:
    answer = requests.post(
        f"{simulated.url}/v1/payment_intents",
        data=form,
        headers={
            "Authorization": f"Bearer {simulated.account.secret_key}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        timeout=10,
    )
    error = answer.json()["error"]
    assert answer.status_code in (400, 404)
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)


def test_what_does_not_exist_is_404(client: StripeClient) -> None:
    look_ups: list[Callable[[str], object]] = [
        client.v1.payment_intents.retrieve,
        client.v1.charges.retrieve,
        client.v1.balance_transactions.retrieve,
        client.v1.events.retrieve,
    ]
    for look_up in look_ups:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            look_up("xx_none")
        assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


def test_a_card_that_may_redirect_needs_a_return_url(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 900, "currency": "usd"})

    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        confirm(client, intent, "pm_card_visa")
    confirmed = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example/back"}
    )
    assert confirmed.status == "succeeded"


def test_a_wrong_key_is_refused(simulated: SimulatedStripe) -> None:
    stranger = StripeClient("sk_test_wrong", base_addresses={"api": simulated.url})
    with pytest.raises(stripe.AuthenticationError) as refusal:
        stranger.v1.payment_intents.retrieve("pi_1")
    assert refusal.value.http_status == 401
    assert refusal.value.request_id is not None
    assert requests.get(f"{simulated.url}/v1/events", timeout=10).status_code == 401
