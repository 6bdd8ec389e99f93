"""Stripe's events become facts of ours; what changes nothing here becomes nothing."""

from typing import Any

import pytest

from payments.providers.facts import (
    ActionRequired,
    Authorized,
    Canceled,
    ChargeSucceeded,
    MalformedEventError,
    PaymentFailed,
    Processing,
)
from payments.providers.stripe.declines import explain
from payments.providers.stripe.events import translate
from tests.payments.providers.stripe.signing import NOW, encoded, event

WHICH: dict[str, Any] = {
    "provider": "stripe",
    "provider_ref": "pi_1",
    "payment_id": "pay_1",
    "occurred_at": NOW,
}


def test_a_success_carries_what_was_received() -> None:
    received = encoded(event("payment_intent.succeeded", amount_received=11_900, amount=99_999))
    assert translate(received) == ChargeSucceeded(**WHICH, amount=11_900, currency="EUR")


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        ("payment_intent.requires_action", ActionRequired(**WHICH)),
        ("payment_intent.processing", Processing(**WHICH)),
        ("payment_intent.amount_capturable_updated", Authorized(**WHICH)),
        ("payment_intent.canceled", Canceled(**WHICH)),
        ("payment_intent.created", None),
        ("charge.succeeded", None),
        ("customer.created", None),
        ("something.new", None),
    ],
)
def test_each_kind_has_its_fact(kind: str, fact: object) -> None:
    assert translate(encoded(event(kind))) == fact


def test_a_failure_is_explained_to_the_payer() -> None:
    error = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "No."}
    fact = translate(encoded(event("payment_intent.payment_failed", last_payment_error=error)))
    assert isinstance(fact, PaymentFailed)
    assert (fact.failure.code, fact.failure.stripe_code) == ("card_declined", "insufficient_funds")
    assert (fact.failure.message, fact.failure.next_step) == (
        "The card has insufficient funds.",
        "try_another_card",
    )


def test_a_failure_without_a_reason_is_a_generic_one() -> None:
    fact = translate(encoded(event("payment_intent.payment_failed")))
    assert isinstance(fact, PaymentFailed)
    assert fact.failure == explain(code=None, decline_code=None)
    assert fact.failure.stripe_code == "generic_decline"


def test_intents_without_our_metadata_are_named_by_stripe_alone() -> None:
    for metadata in ({}, None, {"other": "x"}):
        fact = translate(encoded(event("payment_intent.canceled", metadata=metadata)))
        assert fact == Canceled(**WHICH | {"payment_id": None})


@pytest.mark.parametrize("secret", ["lost_card", "stolen_card", "fraudulent", "pickup_card"])
def test_a_thief_learns_nothing(secret: str) -> None:
    told = explain(code="card_declined", decline_code=secret)
    assert told == explain(code="card_declined", decline_code="generic_decline")
    assert secret not in repr(told)


@pytest.mark.parametrize(
    ("code", "decline_code", "our_code", "next_step"),
    [
        ("payment_intent_authentication_failure", None, "authentication_failed", "authenticate"),
        ("card_declined", "authentication_required", "authentication_failed", "authenticate"),
        ("incorrect_cvc", "incorrect_cvc", "card_declined", "check_card_details"),
        ("expired_card", None, "card_declined", "try_another_card"),
        ("processing_error", None, "card_declined", "try_again"),
        ("card_declined", "do_not_honor", "card_declined", "contact_bank"),
        ("card_declined", "a_code_of_tomorrow", "card_declined", "try_another_card"),
    ],
)
def test_the_payer_is_told_what_to_do(
    code: str, decline_code: str | None, our_code: str, next_step: str
) -> None:
    failure = explain(code=code, decline_code=decline_code)
    assert (failure.code, failure.next_step) == (our_code, next_step)
    assert failure.message.endswith(".")


SUCCESS = "payment_intent.succeeded"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        encoded({"type": SUCCESS}),
        encoded(event(SUCCESS) | {"data": None}),
        encoded(event(SUCCESS) | {"created": None}),
        encoded(event(SUCCESS, amount_received="11900")),
        encoded(event(SUCCESS, amount_received=119.0)),
        encoded(event(SUCCESS, amount_received=True)),
        encoded(event(SUCCESS, currency=None)),
        encoded(event(SUCCESS, id=None)),
        encoded(event(SUCCESS, metadata={"payment_id": 7})),
        encoded(event(SUCCESS, metadata="x")),
        encoded(event("payment_intent.payment_failed", last_payment_error="x")),
    ],
)
def test_an_event_of_another_form_is_named(payload: bytes) -> None:
    with pytest.raises(MalformedEventError):
        translate(payload)
