"""An intent as Stripe shows it is read the same way, whoever asked for it."""

import datetime as dt
from typing import Any

import pytest

from payments.providers.facts import (
    ActionRequired,
    Authorized,
    Canceled,
    ChargeSucceeded,
    Expired,
    Fact,
    PaymentFailed,
    Processing,
)
from payments.providers.stripe.checkout import facts_of_session
from payments.providers.stripe.intent_facts import facts_of_intent

SEEN_AT = dt.datetime(2026, 11, 22, 12, 0, 5, 900_000, tzinfo=dt.UTC)
CHARGED_AT = dt.datetime(2026, 11, 22, 11, 59, tzinfo=dt.UTC)
CHARGE = {"id": "ch_1", "created": int(CHARGED_AT.timestamp())}


def intent(status: str, **changed: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "status": status,
        "metadata": {"payment_id": "pay_1"},
        "capture_method": "automatic",
        "amount_received": 0,
        "currency": "eur",
        "latest_charge": None,
        "last_payment_error": None,
        "next_action": None,
        **changed,
    }


def read(shown: dict[str, Any]) -> Fact:
    [fact] = facts_of_intent(shown, seen_at=SEEN_AT)
    assert (fact.provider, fact.provider_ref, fact.payment_id) == ("stripe", "pi_1", "pay_1")
    return fact


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_confirmation"])
def test_while_nobody_has_tried_there_is_nothing_to_say(status: str) -> None:
    assert facts_of_intent(intent(status), seen_at=SEEN_AT) == []


def test_a_charge_is_dated_by_stripe_and_counts_what_was_received() -> None:
    fact = read(intent("succeeded", amount_received=500, latest_charge=CHARGE))
    assert isinstance(fact, ChargeSucceeded)
    assert (fact.amount, fact.currency, fact.occurred_at) == (500, "EUR", CHARGED_AT)


def test_a_capture_is_not_dated_by_its_authorization() -> None:
    shown = intent("succeeded", amount_received=500, latest_charge=CHARGE, capture_method="manual")
    assert read(shown).occurred_at == SEEN_AT.replace(microsecond=0)


@pytest.mark.parametrize(
    ("status", "kind"), [("requires_capture", Authorized), ("processing", Processing)]
)
def test_what_is_under_way(status: str, kind: type[Fact]) -> None:
    assert isinstance(read(intent(status)), kind)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.test/"}},
            {"type": "redirect_to_url", "url": "https://bank.test/"},
        ),
        ({"type": "use_stripe_sdk", "use_stripe_sdk": {"a": 1}}, {"type": "use_stripe_sdk"}),
    ],
)
def test_what_the_payer_must_do(told: dict[str, Any], shown: dict[str, str]) -> None:
    fact = read(intent("requires_action", next_action=told))
    assert isinstance(fact, ActionRequired)
    assert fact.next_action == shown


def test_a_decline_is_dated_by_its_charge_so_that_it_is_told_once() -> None:
    error = {"code": "card_declined", "decline_code": "insufficient_funds", "charge": "ch_1"}
    shown = intent("requires_payment_method", last_payment_error=error, latest_charge=CHARGE)
    fact = read(shown)
    assert isinstance(fact, PaymentFailed)
    assert (fact.occurred_at, fact.failure.stripe_code) == (CHARGED_AT, "insufficient_funds")


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("requested_by_customer", Canceled),
        ("duplicate", Canceled),
        (None, Canceled),
        ("abandoned", Expired),
        ("automatic", Expired),
    ],
)
def test_what_was_given_up_and_what_ran_out(reason: str | None, kind: type[Fact]) -> None:
    ended_at = int(CHARGED_AT.timestamp())
    fact = read(intent("canceled", cancellation_reason=reason, canceled_at=ended_at))
    assert type(fact) is kind
    assert fact.occurred_at == CHARGED_AT


def test_a_form_stripe_does_not_document_is_refused() -> None:
    with pytest.raises(TypeError):
        facts_of_intent(intent("succeeded", amount_received="500"), seen_at=SEEN_AT)


def session(status: str, paid_by: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"status": status, "payment_intent": paid_by, "metadata": {"payment_id": "pay_1"}}


def test_a_page_says_what_its_intent_says() -> None:
    assert facts_of_session(session("open"), seen_at=SEEN_AT) == []
    paid = session("complete", intent("succeeded", amount_received=500))
    [fact] = facts_of_session(paid, seen_at=SEEN_AT)
    assert isinstance(fact, ChargeSucceeded)


@pytest.mark.parametrize(("canceled", "kind"), [(False, Expired), (True, Canceled)])
def test_a_closed_page_ended_by_time_or_by_wish(*, canceled: bool, kind: type[Fact]) -> None:
    given_up = intent("canceled", cancellation_reason="abandoned")
    for shown in (session("expired"), session("expired", given_up)):
        [fact] = facts_of_session(shown, canceled=canceled, seen_at=SEEN_AT)
        assert type(fact) is kind
        assert fact.payment_id == "pay_1"
