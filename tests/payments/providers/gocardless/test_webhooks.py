"""Webhooks: who signed them, the events in them one by one, and what each of them says."""

import datetime as dt
import hashlib
import hmac
import json
from typing import Any

import pytest

from payments.bank_settings import GoCardlessSettings
from payments.errors import InvalidRequestError, InvalidSignatureError
from payments.providers.facts import (
    Canceled,
    DisputeReported,
    DisputeStatus,
    Fact,
    MalformedEventError,
    MoneyReceived,
    PaymentFailed,
    Processing,
    RefundReported,
    RefundStatus,
)
from payments.providers.gocardless.adapter import GoCardless
from payments.providers.ports import VerifiedEvent
from tests.payments.providers.gocardless.conftest import NEWER, OLDER, SEEN_AT

OURS = {"payment_id": "pay_01K9", "order_id": "ord_01K9", "due": "11900 GBP"}
REFUND = {"payment_id": "pay_01K9", "refund_id": "rfd_01", "due": "1900 GBP"}
AT = dt.datetime(2026, 11, 22, 12, 0, 1, 250_000, tzinfo=dt.UTC)


def event(kind: str, action: str, **other: Any) -> dict[str, Any]:
    return {
        "id": "EV1",
        "created_at": "2026-11-22T12:00:01.250Z",
        "resource_type": kind,
        "action": action,
        "links": {"payment": "PM1", "billing_request": "BRQ1", "refund": "RF1"},
        "details": {"origin": "bank", "cause": "a_cause", "description": "Sentence."},
        "metadata": {},
        "resource_metadata": REFUND if kind == "refunds" else OURS,
        **other,
    }


def signed(payload: bytes, secret: str) -> dict[str, str]:
    signature = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    return {"webhook-signature": signature, "content-type": "application/json"}


def webhook(*events: object) -> bytes:
    return json.dumps({"events": events, "meta": {"webhook_id": "WB1"}}, indent=1).encode()


def verify(
    adapter: GoCardless, payload: bytes, headers: dict[str, str] | None = None
) -> list[VerifiedEvent]:
    given = signed(payload, NEWER) if headers is None else headers
    found = adapter.verify_webhook(
        path="/api/webhooks/bank", headers=given, payload=payload, now=SEEN_AT
    )
    return list(found)


def told(adapter: GoCardless, kind: str, action: str, **other: Any) -> list[Fact]:
    """What the event says once it has gone through a webhook and the inbox."""
    [verified] = verify(adapter, webhook(event(kind, action, **other)))
    return list(adapter.translate(verified.payload))


# ---- who signed them -----------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [NEWER, OLDER])
def test_any_of_our_secrets_will_do(adapter: GoCardless, secret: str) -> None:
    payload = webhook(event("payments", "confirmed"))
    [verified] = verify(adapter, payload, signed(payload, secret))
    assert (verified.event_id, verified.type) == ("EV1", "payments.confirmed")
    assert verified.occurred_at == AT


def test_an_old_webhook_is_as_good_as_new(adapter: GoCardless) -> None:
    old = event("payments", "confirmed", created_at="2019-01-01T00:00:00.000Z")
    assert len(verify(adapter, webhook(old))) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-signature": ""},
        {"webhook-signature": "é" * 64},
        {"webhook-signature": "0" * 64},
        {"webhook-signature": "\udcff"},
        {"tl-signature": "a..b"},
    ],
    ids=repr,
)
def test_without_a_signature_nothing_is_believed(
    adapter: GoCardless, headers: dict[str, str]
) -> None:
    with pytest.raises(InvalidSignatureError):
        verify(adapter, webhook(event("payments", "confirmed")), headers)


@pytest.mark.parametrize("secret", ["", "secret-other", NEWER.upper()])
def test_another_secret_is_none_of_ours(adapter: GoCardless, secret: str) -> None:
    payload = webhook(event("payments", "confirmed"))
    with pytest.raises(InvalidSignatureError):
        verify(adapter, payload, signed(payload, secret))


def test_every_byte_is_signed(adapter: GoCardless) -> None:
    payload = webhook(event("payments", "confirmed"))
    for tampered in (payload.replace(b"PM1", b"PM2"), payload + b" ", payload[:-1], b""):
        with pytest.raises(InvalidSignatureError):
            verify(adapter, tampered, signed(payload, NEWER))


def test_an_empty_secret_signs_nothing(gocardless: Any) -> None:
    settings = GoCardlessSettings(access_token="any", webhook_secrets=("",), api_url=gocardless.url)
    payload = webhook(event("payments", "confirmed"))
    with pytest.raises(InvalidSignatureError):
        verify(GoCardless(settings), payload, signed(payload, ""))


# ---- the events in them --------------------------------------------------------------------------


def test_each_event_is_kept_alone(adapter: GoCardless) -> None:
    events = [
        event("payments", "confirmed", id="EV1"),
        event("mandates", "created", id="EV2", note="Ω"),
        event("payments", "paid_out", id="EV3"),
    ]
    verified = verify(adapter, webhook(*events))
    assert [one.event_id for one in verified] == ["EV1", "EV2", "EV3"]
    assert [one.type for one in verified] == [
        "payments.confirmed",
        "mandates.created",
        "payments.paid_out",
    ]
    assert [json.loads(one.payload) for one in verified] == events


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"events": {}}',
        b'{"events": []}',
        b'{"events": [null]}',
        b"\xff",
        json.dumps({"events": [event("payments", "confirmed", links=float("nan"))]}).encode(),
        b"[" * 100_000,
        webhook(*[event("payments", "confirmed")] * 251),
        *(
            webhook({**event("payments", "confirmed"), name: value})
            for name in ("id", "created_at", "resource_type", "action")
            for value in (None, "", 7)
        ),
        webhook(event("payments", "confirmed", created_at="2026-11-22T12:00:01")),
        webhook(event("payments", "confirmed", created_at="yesterday")),
    ],
    ids=lambda payload: repr(payload[:60]),
)
def test_what_is_signed_and_holds_no_events_is_refused(adapter: GoCardless, payload: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        verify(adapter, payload)


def test_nothing_is_asked_of_gocardless_for_a_webhook(gocardless: Any, adapter: GoCardless) -> None:
    assert told(adapter, "payments", "confirmed")
    assert gocardless.asked == []


# ---- what they say -------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["confirmed", "paid_out"])
def test_money(adapter: GoCardless, action: str) -> None:
    assert told(adapter, "payments", action) == [
        MoneyReceived(
            provider="gocardless",
            provider_ref=None,
            payment_id="pay_01K9",
            occurred_at=AT,
            provider_status=action,
            source="gocardless",
            receipt_ref="PM1",
            amount=11_900,
            currency="GBP",
        )
    ]


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("created", "pending_submission"),
        ("customer_approval_granted", "pending_submission"),
        ("resubmission_requested", "pending_submission"),
        ("submitted", "submitted"),
    ],
)
def test_under_way(adapter: GoCardless, action: str, status: str) -> None:
    [fact] = told(adapter, "payments", action)
    assert isinstance(fact, Processing)
    assert (fact.payment_id, fact.provider_status) == ("pay_01K9", status)


@pytest.mark.parametrize(
    ("action", "takes_back"),
    [("failed", True), ("late_failure_settled", True), ("customer_approval_denied", False)],
)
def test_failures(adapter: GoCardless, action: str, *, takes_back: bool) -> None:
    [fact] = told(adapter, "payments", action)
    assert isinstance(fact, PaymentFailed)
    assert fact.takes_back is takes_back


@pytest.mark.parametrize(
    ("cause", "code", "next_step"),
    [
        ("insufficient_funds", "bank_declined", "try_again"),
        ("bank_account_closed", "bank_declined", "try_again"),
        ("refer_to_payer", "bank_declined", "contact_bank"),
        ("never_heard_of", "payment_failed", "try_again"),
        (None, "payment_failed", "try_again"),
    ],
)
def test_why_it_failed(adapter: GoCardless, cause: str | None, code: str, next_step: str) -> None:
    [fact] = told(adapter, "payments", "failed", details={"cause": cause})
    assert isinstance(fact, PaymentFailed)
    assert (fact.failure.code, fact.failure.next_step) == (code, next_step)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("charged_back", DisputeStatus.OPEN),
        ("chargeback_cancelled", DisputeStatus.WON),
        ("chargeback_settled", DisputeStatus.LOST),
    ],
)
def test_chargebacks(adapter: GoCardless, action: str, status: DisputeStatus) -> None:
    [fact] = told(adapter, "payments", action)
    assert isinstance(fact, DisputeReported)
    assert (fact.status, fact.dispute_ref, fact.reason) == (status, "PM1:chargeback", "a_cause")
    assert (fact.amount, fact.currency) == (11_900, "GBP")


def test_cancelled(adapter: GoCardless) -> None:
    assert [type(fact) for fact in told(adapter, "payments", "cancelled")] == [Canceled]


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("bank_authorisation_authorised", Processing),
        ("fulfilled", Processing),
        ("bank_authorisation_denied", PaymentFailed),
        ("bank_authorisation_failed", PaymentFailed),
        ("failed", PaymentFailed),
        ("cancelled", Canceled),
    ],
)
def test_billing_requests(adapter: GoCardless, action: str, kind: type[Fact]) -> None:
    [fact] = told(adapter, "billing_requests", action)
    assert type(fact) is kind
    assert (fact.provider_ref, fact.payment_id) == ("BRQ1", "pay_01K9")
    assert not (isinstance(fact, PaymentFailed) and fact.takes_back)


@pytest.mark.parametrize(
    ("action", "status", "failure_code"),
    [
        ("created", RefundStatus.PENDING, None),
        ("paid", RefundStatus.SUCCEEDED, None),
        ("refund_settled", RefundStatus.SUCCEEDED, None),
        ("failed", RefundStatus.FAILED, "a_cause"),
        ("funds_returned", RefundStatus.FAILED, "a_cause"),
    ],
)
def test_refunds(
    adapter: GoCardless, action: str, status: RefundStatus, failure_code: str | None
) -> None:
    assert told(adapter, "refunds", action) == [
        RefundReported(
            provider="gocardless",
            provider_ref=None,
            payment_id="pay_01K9",
            occurred_at=AT,
            refund_ref="RF1",
            refund_id="rfd_01",
            amount=1_900,
            currency="GBP",
            status=status,
            failure_code=failure_code,
        )
    ]


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("payments", "surcharge_fee_debited"),
        ("payments", "of_the_future"),
        ("billing_requests", "created"),
        ("billing_requests", "flow_visited"),
        ("billing_requests", "bank_authorisation_expired"),
        ("refunds", "of_the_future"),
        ("mandates", "active"),
        ("payouts", "paid"),
    ],
)
def test_what_changes_nothing_here(adapter: GoCardless, kind: str, action: str) -> None:
    assert told(adapter, kind, action) == []


@pytest.mark.parametrize("kind", ["payments", "billing_requests"])
@pytest.mark.parametrize("whose", [{}, {"payment_id": "41"}, {"website_order": "41"}])
def test_what_was_not_made_here_is_not_ours(
    adapter: GoCardless, kind: str, whose: dict[str, str]
) -> None:
    assert told(adapter, kind, "failed", resource_metadata=whose) == []


def test_a_refund_that_was_not_made_here_is_for_a_person(adapter: GoCardless) -> None:
    with pytest.raises(MalformedEventError, match="RF1 was not made here"):
        told(adapter, "refunds", "paid", resource_metadata={})


@pytest.mark.parametrize(
    "other",
    [
        {"resource_metadata": None},
        {"resource_metadata": {"payment_id": "pay_01K9"}},
        {"resource_metadata": {**OURS, "due": "119.00 GBP"}},
        {"resource_metadata": {**OURS, "due": "0 GBP"}},
        {"resource_metadata": {**OURS, "due": 11_900}},
        {"links": {}},
        {"links": None},
    ],
    ids=repr,
)
def test_money_without_what_it_takes_is_set_aside(
    adapter: GoCardless, other: dict[str, Any]
) -> None:
    with pytest.raises(MalformedEventError):
        told(adapter, "payments", "confirmed", **other)


def test_money_whose_event_says_nothing_of_its_resource_is_not_passed_over(
    adapter: GoCardless,
) -> None:
    silent = event("payments", "confirmed")
    del silent["resource_metadata"]
    [verified] = verify(adapter, webhook(silent))
    with pytest.raises(MalformedEventError):
        adapter.translate(verified.payload)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"null", b"\xff"])
def test_bytes_that_are_no_event(adapter: GoCardless, payload: bytes) -> None:
    with pytest.raises(MalformedEventError):
        adapter.translate(payload)
