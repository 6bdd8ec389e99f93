"""Every webhook type as facts, in whatever order; those that mean nothing here are none."""

import datetime as dt
import itertools
import json
from typing import Any

import pytest

from payments.providers.facts import (
    MalformedEventError,
    MoneyReceived,
    PaymentFailed,
    Processing,
    RefundReported,
    RefundStatus,
)
from payments.providers.stripe.declines import NextStep
from payments.providers.truelayer import failures
from payments.providers.truelayer.events import translate
from tests.payments.providers.truelayer.webhooks import event

AT_TEXT = "2026-11-22T11:59:00Z"
AT = dt.datetime(2026, 11, 22, 11, 59, tzinfo=dt.UTC)
OF_REFUND = {
    "refund_id": "rfd_1",
    "payment_id": "pay_1",
    "amount_in_minor": "500",
    "currency": "EUR",
}


def which(status: str, payment_id: str | None = "pay_1") -> dict[str, Any]:
    return {
        "provider": "truelayer",
        "provider_ref": "tl-1",
        "payment_id": payment_id,
        "occurred_at": AT,
        "provider_status": status,
    }


RECEIVED = MoneyReceived(
    **which("settled"), source="truelayer", receipt_ref="tl-1", amount=1999, currency="EUR"
)
TOLD = {
    event("payment_authorized", authorized_at=AT_TEXT): Processing(**which("authorized")),
    event("payment_executed", executed_at=AT_TEXT): Processing(**which("executed")),
    event("payment_settlement_stalled", settlement_stalled_at=AT_TEXT): Processing(
        **which("stalled")
    ),
    event("payment_settled", settled_at=AT_TEXT): RECEIVED,
}


def test_each_step_of_a_payment_whatever_was_told_before() -> None:
    for order in itertools.permutations(TOLD):
        assert [list(translate(payload)) for payload in order] == [[TOLD[one]] for one in order]


def test_executed_is_not_money() -> None:
    [fact] = translate(event("payment_executed", executed_at=AT_TEXT, settled_at=AT_TEXT))
    assert isinstance(fact, Processing)


@pytest.mark.parametrize("metadata", [None, {}, {"order": "of another shop"}])
def test_a_payment_that_is_not_ours_tells_no_amount(metadata: Any) -> None:
    payload = event("payment_settled", settled_at=AT_TEXT, metadata=metadata)
    assert list(translate(payload)) == [Processing(**which("settled", None))]


def test_a_failure_is_told_with_its_reason() -> None:
    payload = event("payment_failed", failed_at=AT_TEXT, failure_reason="provider_rejected")
    [fact] = translate(payload)
    failure = failures.TABLE["provider_rejected"]
    assert fact == PaymentFailed(**which("failed"), failure=failure, takes_back=False)
    assert failure.next_step == "contact_bank"


@pytest.mark.parametrize("reason", [None, "something_new", 5, ["rejected"]])
def test_a_reason_nobody_knows_is_told_plainly(reason: Any) -> None:
    [fact] = translate(event("payment_failed", failed_at=AT_TEXT, failure_reason=reason))
    assert isinstance(fact, PaymentFailed)
    assert fact.failure == failures.FAILED


def test_running_out_of_time_at_the_bank_is_a_failure_not_our_deadline() -> None:
    [fact] = translate(event("payment_failed", failed_at=AT_TEXT, failure_reason="expired"))
    assert isinstance(fact, PaymentFailed)
    assert fact.failure.code == "payment_expired"


def test_every_reason_has_words_for_the_payer_and_a_step_that_callers_know() -> None:
    for failure in (*failures.TABLE.values(), failures.FAILED, failures.REVERSED):
        assert failure.message.endswith(".")
        assert failure.next_step in {*NextStep}
        assert failure.stripe_code is None


def test_money_that_is_taken_back() -> None:
    [fact] = translate(event("payment_reversed", reversed_at=AT_TEXT))
    assert isinstance(fact, PaymentFailed)
    assert fact.takes_back


@pytest.mark.parametrize(
    ("payload", "status", "code"),
    [
        (
            event("refund_executed", refund_id="r", executed_at=AT_TEXT, metadata=OF_REFUND),
            RefundStatus.SUCCEEDED,
            None,
        ),
        (
            event(
                "refund_failed",
                refund_id="r",
                failed_at=AT_TEXT,
                failure_reason="insufficient_funds",
                metadata=OF_REFUND,
            ),
            RefundStatus.FAILED,
            "insufficient_funds",
        ),
    ],
)
def test_a_refund_of_ours(payload: bytes, status: RefundStatus, code: str | None) -> None:
    reported = RefundReported(
        provider="truelayer",
        provider_ref="tl-1",
        payment_id="pay_1",
        occurred_at=AT,
        refund_ref="r",
        refund_id="rfd_1",
        amount=500,
        currency="EUR",
        status=status,
        failure_code=code,
    )
    assert list(translate(payload)) == [reported]


@pytest.mark.parametrize(
    "payload",
    [
        event("refund_executed", refund_id="r", executed_at=AT_TEXT, metadata={}),
        event("refund_failed", refund_id="r", failed_at=AT_TEXT, metadata=None),
        event("payment_creditable", creditable_at=AT_TEXT),
        event("payment_disputed"),
        event("payment_funds_received"),
        event("payout_executed", payout_id="po-1"),
        event("payout_failed", payout_id="po-1"),
        event("external_payment_received", amount_in_minor=5, remitter={"reference": "SR"}),
        event("balance_notification"),
        event("mandate_authorized"),
        event("something_new"),
        b'{"type": ""}',
    ],
)
def test_what_means_nothing_here(payload: bytes) -> None:
    assert list(translate(payload)) == []


def without(payload: bytes, name: str) -> bytes:
    told = json.loads(payload)
    del told[name]
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b"1",
        b"{}",
        b"[" * 50_000,
        b'{"type": []}',
        event("payment_settled"),
        event("payment_settled", settled_at="2026-11-22"),
        event("payment_settled", settled_at=5),
        event("payment_settled", settled_at=AT_TEXT, payment_id=7),
        event("payment_settled", settled_at=AT_TEXT, metadata={"payment_id": "pay_1"}),
        event(
            "payment_settled",
            settled_at=AT_TEXT,
            metadata={"payment_id": "pay_1", "amount_in_minor": "19.99", "currency": "EUR"},
        ),
        event(
            "payment_settled",
            settled_at=AT_TEXT,
            metadata={"payment_id": "pay_1", "amount_in_minor": 1999, "currency": "EUR"},
        ),
        without(event("payment_executed", executed_at=AT_TEXT), "payment_id"),
        event("refund_executed", executed_at=AT_TEXT, metadata=OF_REFUND),
        event(
            "refund_executed",
            refund_id="r",
            executed_at=AT_TEXT,
            metadata={**OF_REFUND, "amount_in_minor": "-5"},
        ),
        event(
            "refund_executed",
            refund_id="r",
            executed_at=AT_TEXT,
            metadata={**OF_REFUND, "refund_id": 9},
        ),
    ],
)
def test_what_is_not_documented_is_named_so(payload: bytes) -> None:
    with pytest.raises(MalformedEventError):
        translate(payload)
