"""Stripe's refund, dispute and session events as facts."""

import datetime as dt
import json
from typing import Any

import pytest

from payments.providers.facts import (
    DisputeReported,
    DisputeStatus,
    Expired,
    MalformedEventError,
    RefundReported,
    RefundStatus,
)
from payments.providers.stripe.events import translate

AT = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)

REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 2500,
    "currency": "eur",
    "payment_intent": "pi_1",
    "metadata": {"refund_id": "rfd_1", "payment_id": "pay_1"},
    "status": "succeeded",
}
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 11_900,
    "currency": "eur",
    "payment_intent": "pi_1",
    "metadata": {},
    "reason": "fraudulent",
    "status": "needs_response",
    "evidence_details": {"due_by": int(AT.timestamp()) + 86_400},
}


def told(kind: str, thing: dict[str, Any]) -> Any:
    event = {
        "id": "evt_1",
        "object": "event",
        "created": int(AT.timestamp()),
        "livemode": False,
        "type": kind,
        "data": {"object": thing},
    }
    return translate(json.dumps(event).encode())


def refund_reported(**changed: Any) -> RefundReported:
    fields: dict[str, Any] = {
        "provider": "stripe",
        "provider_ref": "pi_1",
        "payment_id": "pay_1",
        "occurred_at": AT,
        "refund_ref": "re_1",
        "refund_id": "rfd_1",
        "amount": 2500,
        "currency": "EUR",
        "status": RefundStatus.SUCCEEDED,
        "failure_code": None,
    }
    return RefundReported(**(fields | changed))


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
def test_a_refund_is_told_by_whatever_event_carries_it(kind: str) -> None:
    assert told(kind, REFUND) == refund_reported()


@pytest.mark.parametrize(
    ("stripes", "ours"),
    [
        ("pending", RefundStatus.PENDING),
        ("requires_action", RefundStatus.PENDING),
        ("failed", RefundStatus.FAILED),
        ("canceled", RefundStatus.CANCELED),
    ],
)
def test_where_a_refund_stands(stripes: str, ours: RefundStatus) -> None:
    assert told("refund.updated", REFUND | {"status": stripes}).status is ours


def test_a_refund_made_at_stripe_names_the_payment_by_its_intent_only() -> None:
    fact = told("refund.created", REFUND | {"metadata": {}})
    assert fact == refund_reported(payment_id=None, refund_id=None)


def test_why_a_refund_failed_is_kept() -> None:
    failed = REFUND | {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    assert told("refund.failed", failed).failure_code == "expired_or_canceled_card"


@pytest.mark.parametrize(
    ("stripes", "ours"),
    [
        ("warning_needs_response", DisputeStatus.WARNING),
        ("warning_under_review", DisputeStatus.WARNING),
        ("warning_closed", DisputeStatus.WARNING_CLOSED),
        ("prevented", DisputeStatus.WARNING_CLOSED),
        ("needs_response", DisputeStatus.OPEN),
        ("under_review", DisputeStatus.OPEN),
        ("won", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
    ],
)
def test_where_a_dispute_stands(stripes: str, ours: DisputeStatus) -> None:
    assert told("charge.dispute.updated", DISPUTE | {"status": stripes}) == DisputeReported(
        provider="stripe",
        provider_ref="pi_1",
        payment_id=None,
        occurred_at=AT,
        dispute_ref="dp_1",
        amount=11_900,
        currency="EUR",
        status=ours,
        reason="fraudulent",
        evidence_due_by=AT + dt.timedelta(days=1),
    )


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("refund.updated", REFUND | {"status": "evaporated"}),
        ("refund.updated", REFUND | {"amount": "2500"}),
        ("refund.updated", REFUND | {"amount": 25.0}),
        ("charge.dispute.created", DISPUTE | {"status": "shrugged"}),
        ("charge.dispute.created", DISPUTE | {"amount": -1}),
    ],
)
def test_what_is_not_documented_is_not_guessed(kind: str, thing: dict[str, Any]) -> None:
    with pytest.raises(MalformedEventError):
        told(kind, thing)


def test_a_checkout_page_that_ran_out_expires_its_payment() -> None:
    session = {"id": "cs_1", "payment_intent": None, "metadata": {"payment_id": "pay_1"}}
    assert told("checkout.session.expired", session) == Expired(
        provider="stripe", provider_ref=None, payment_id="pay_1", occurred_at=AT
    )
    assert told("checkout.session.expired", session | {"metadata": {}}) is None


def test_an_intent_that_nobody_paid_in_time_is_expired_and_not_canceled() -> None:
    intent = {"id": "pi_1", "metadata": {"payment_id": "pay_1"}, "cancellation_reason": "abandoned"}
    assert isinstance(told("payment_intent.canceled", intent), Expired)
