"""The adapter against the simulated bank: two readings of TrueLayer's documents that must agree."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from payments.errors import ConflictError, InvalidSignatureError, StrongroomError
from payments.providers.facts import (
    ActionRequired,
    Canceled,
    Fact,
    MoneyReceived,
    PaymentFailed,
    Processing,
    RefundReported,
    RefundStatus,
    Told,
)
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError
from payments.providers.ports import RefundRequest
from payments.providers.truelayer.adapter import TrueLayer
from tests.payments.providers.truelayer.test_links import request
from tests.payments.simulated_bank import Bank, Delivered, bank, letterbox, running_bank

__all__ = ["bank", "letterbox", "running_bank"]  # fixtures


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the bank has the real time


@pytest.fixture
def truelayer(bank: Bank) -> TrueLayer:
    bank.knob("webhooks", {}, method="PUT")
    return bank.provider


def begin(truelayer: TrueLayer, **changed: Any) -> str:
    key = f"pay_{uuid.uuid4().hex}"
    return truelayer.create_link(
        request(**{"payment_id": key, "idempotency_key": f"{key}:link", **changed})
    ).provider_ref


def seen(truelayer: TrueLayer, ref: str) -> Fact:
    [fact] = truelayer.get_status(ref, seen_at=now())
    return fact


def told(truelayer: TrueLayer, delivered: Delivered) -> Sequence[Told]:
    headers = {name.lower(): value for name, value in delivered.headers.items()}
    [event] = truelayer.verify_webhook(
        path=delivered.path, headers=headers, payload=delivered.body, now=now()
    )
    return truelayer.translate(event.payload)


def refund(ref: str, payment_id: str, **changed: Any) -> RefundRequest:
    refund_id = f"rfd_{uuid.uuid4().hex}"
    asked: dict[str, Any] = {
        "refund_id": refund_id,
        "payment_id": payment_id,
        "provider_ref": ref,
        "amount": 500,
        "currency": "EUR",
        "reason": None,
        "reference": "SRABCDEFGHJK12",
        "idempotency_key": f"{refund_id}:refund",
    }
    return RefundRequest(**{**asked, **changed})


def test_a_payment_is_followed_to_its_money(truelayer: TrueLayer, bank: Bank) -> None:
    begun_at = now() - dt.timedelta(seconds=5)
    before = truelayer.balance(currency="EUR") or 0
    ref = begin(truelayer)
    assert isinstance(seen(truelayer, ref), ActionRequired)
    steps: list[tuple[str, type[Fact]]] = [
        ("executed", Processing),
        ("stalled", Processing),
        ("settled", MoneyReceived),
    ]
    bank.push(ref, "authorized")
    for step, kind in steps:
        bank.push(ref, step)
        delivered = bank.letterbox.take_about(ref, "payment_")
        [fact] = told(truelayer, delivered)
        assert type(fact) is kind
        assert (fact.provider_ref, fact.provider_status) == (ref, step)
        assert fact.payment_id is not None
        if step != "stalled":  # which TrueLayer tells, and does not show
            assert seen(truelayer, ref) == fact
    assert isinstance(fact, MoneyReceived)
    assert (fact.amount, fact.currency, fact.receipt_ref) == (1999, "EUR", ref)
    assert truelayer.balance(currency="EUR") == before + 1999
    moved = truelayer.list_transactions(currency="EUR", since=begun_at, until=now())
    assert [(one.kind, one.amount) for one in moved if one.subject_ref == ref] == [
        ("payment", 1999)
    ]


def test_the_same_key_is_the_same_payment(truelayer: TrueLayer) -> None:
    key = f"pay_{uuid.uuid4().hex}"
    same = {"payment_id": key, "idempotency_key": key}
    assert begin(truelayer, **same) == begin(truelayer, **same)
    with pytest.raises(ConflictError):
        begin(truelayer, **same, amount=2000)


def test_a_lost_answer_is_no_second_payment(truelayer: TrueLayer, bank: Bank) -> None:
    key = f"pay_{uuid.uuid4().hex}"
    same = {"payment_id": key, "idempotency_key": key}
    bank.break_calls({"path": "/v3/payments", "fault": "close", "when": "after", "times": 1})
    with pytest.raises(OutcomeUnknownError):
        begin(truelayer, **same)
    bank.break_calls()
    ref = begin(truelayer, **same)
    assert begin(truelayer, **same) == ref


def test_a_payer_who_refuses(truelayer: TrueLayer, bank: Bank) -> None:
    ref = begin(truelayer)
    bank.push(ref, "failed", failure_reason="user_canceled_at_provider")
    [fact] = told(truelayer, bank.letterbox.take_about(ref, "payment_failed"))
    assert fact == seen(truelayer, ref)
    assert isinstance(fact, PaymentFailed)
    assert fact.failure.code == "authorization_denied"


def test_a_payment_is_canceled_until_the_payer_approves(truelayer: TrueLayer, bank: Bank) -> None:
    ref = begin(truelayer)
    for _ in range(2):
        [fact] = truelayer.cancel(ref, idempotency_key=f"{ref}:cancel", seen_at=now())
        assert isinstance(fact, Canceled)
    other = begin(truelayer)
    bank.push(other, "authorized")
    with pytest.raises(UnexpectedStateError):
        truelayer.cancel(other, idempotency_key=f"{other}:cancel", seen_at=now())


def test_money_goes_back_and_may_return(truelayer: TrueLayer, bank: Bank) -> None:
    ref = begin(truelayer)
    for step in ("authorized", "executed", "settled"):
        bank.push(ref, step)
    payment_id = seen(truelayer, ref).payment_id or ""
    asked = refund(ref, payment_id)
    made = truelayer.create_refund(asked)
    assert made.status is RefundStatus.PENDING
    assert truelayer.create_refund(asked).refund_ref == made.refund_ref
    assert truelayer.find_refund(refund(ref, payment_id)) is None
    for step, status in (("executed", RefundStatus.SUCCEEDED), ("failed", RefundStatus.FAILED)):
        bank.knob(f"refunds/{made.refund_ref}", {"to": step})
        [fact] = told(truelayer, bank.letterbox.take_about(made.refund_ref, f"refund_{step}"))
        assert fact == truelayer.find_refund(asked)
        assert isinstance(fact, RefundReported)
        assert (fact.status, fact.refund_id, fact.amount) == (status, asked.refund_id, 500)
    with pytest.raises(StrongroomError) as caught:
        truelayer.create_refund(refund(ref, payment_id, amount=2000))
    assert not isinstance(caught.value, OutcomeUnknownError)


@pytest.mark.parametrize("forgery", ["wrong_key", "foreign_jku", "tampered", "old_timestamp"])
def test_forged_webhooks(truelayer: TrueLayer, bank: Bank, forgery: str) -> None:
    bank.knob("webhooks", {forgery: 1}, method="PUT")
    ref = begin(truelayer)
    bank.push(ref, "failed", failure_reason="expired")
    with pytest.raises(InvalidSignatureError):
        told(truelayer, bank.letterbox.take_about(ref))


def test_the_bank_begins_to_use_another_key(bank: Bank) -> None:
    bank.knob("webhooks", {}, method="PUT")
    clock = [0.0]
    truelayer = TrueLayer(bank.settings, clock=lambda: clock[0])
    for _ in range(2):
        ref = begin(truelayer)
        bank.push(ref, "failed", failure_reason="expired")
        assert told(truelayer, bank.letterbox.take_about(ref))
        bank.knob("keys", {"keep_old": True})
        clock[0] += 30
