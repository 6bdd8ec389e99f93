"""Every object answered has every field, of the same type, that Stripe publishes for it."""

import json
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import pytest
import stripe
from stripe import StripeClient

from sandbox.stripe.account import API_VERSION

FIXTURES = json.loads((Path(__file__).parent / "data" / "fixtures3.json").read_text())["resources"]


def differences(ours: Any, theirs: Any, declared: Any, path: str) -> list[str]:
    """Where ours lacks a field, or holds another type than Stripe's published example.

    The example fills some fields that are null as a rule; null is right wherever Stripe's own
    SDK declares the field as optional.
    """
    if ours is None or theirs is None:
        return [] if theirs is None or is_optional(declared) else [f"{path} is null"]
    if type(ours) is not type(theirs):
        return [f"{path} is {type(ours).__name__}, not {type(theirs).__name__}"]
    if not isinstance(theirs, dict):
        return []
    fields = getattr(declared_class(declared), "__annotations__", {})
    return [
        difference
        for name, value in theirs.items()
        for difference in (
            differences(ours[name], value, fields.get(name), f"{path}.{name}")
            if name in ours
            else [f"{path}.{name} is missing"]
        )
    ]


def is_optional(declared: Any) -> bool:
    return get_origin(declared) in (Union, types.UnionType) and type(None) in get_args(declared)


def declared_class(declared: Any) -> Any:
    if is_optional(declared):
        return next(one for one in get_args(declared) if one is not type(None))
    return declared


@pytest.fixture
def paid(client: StripeClient) -> stripe.PaymentIntent:
    intent = client.v1.payment_intents.create({"amount": 9900, "currency": "usd"})
    return client.v1.payment_intents.confirm(
        intent.id,
        {
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example/",
            "expand": ["latest_charge.balance_transaction", "payment_method"],
        },
    )


def test_a_succeeded_payment_has_stripes_shapes(paid: stripe.PaymentIntent) -> None:
    intent = paid.to_dict()
    charge = intent["latest_charge"]
    booked = charge["balance_transaction"]
    method = intent["payment_method"]
    intent["payment_method"] = charge["balance_transaction"] = "id"

    assert differences(booked, FIXTURES["balance_transaction"], stripe.BalanceTransaction, "") == []
    assert differences(charge, FIXTURES["charge"], stripe.Charge, "") == []
    assert (
        differences(
            method, {**FIXTURES["payment_method"], "metadata": {}}, stripe.PaymentMethod, ""
        )
        == []
    )
    assert differences(intent, FIXTURES["payment_intent"], stripe.PaymentIntent, "") == []


def test_a_declined_payment_has_stripes_shapes(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 9900, "currency": "usd", "allowed_payment_method_types": ["card"]}
    )
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"})
    after = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]}).to_dict()

    assert differences(after["latest_charge"], FIXTURES["charge"], stripe.Charge, "") == []
    assert differences(after, FIXTURES["payment_intent"], stripe.PaymentIntent, "") == []


def test_events_have_stripes_shape(paid: stripe.PaymentIntent, client: StripeClient) -> None:
    classes = {"payment_intent": stripe.PaymentIntent, "charge": stripe.Charge}
    theirs = {**FIXTURES["event"], "data": {"object": {}}}
    events = [event.to_dict() for event in client.v1.events.list().data]

    assert {event["data"]["object"]["object"] for event in events} == set(classes), paid.id
    for event in events:
        snapshot = event["data"]["object"]
        kind = snapshot["object"]
        assert differences(event, theirs, stripe.Event, "") == []
        assert differences(snapshot, FIXTURES[kind], classes[kind], event["type"]) == []


def test_the_simulated_version_is_the_sdks() -> None:
    assert stripe.api_version == API_VERSION
