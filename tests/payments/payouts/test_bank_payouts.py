"""Released bank money goes to the seller's bank account: at once, later, not at all, and back."""

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payments.database import transaction
from payments.errors import ConflictError
from payments.payouts.record_payout import record_payout
from payments.providers.facts import PayoutReported, PayoutStatus
from payments.providers.outcome import PayoutRefusedError
from payments.providers.ports import PayoutPort, PayoutRequest
from tests.payments.payouts.sellers import IBAN, Sellers
from tests.payments.simulated_bank import Bank, Delivered

SELLERS_PART = 9_500


@pytest.fixture(autouse=True)
def as_usual(bank: Bank) -> None:
    """Payouts take no step of their own but as a test says, and our account has money."""
    bank.knob("moments", {"payout_s": None}, method="PUT")
    bank.knob("outcomes", {"payouts": "executed"}, method="PUT")
    bank.break_calls()
    bank.knob("transfers", {"account": "EUR", "amount": 100_000, "text": "Working capital"})


def at_bank(bank: Bank, payout_id: str) -> list[dict[str, Any]]:
    """The payouts that the bank has made of one of ours."""
    items = bank.knob("sellers-payouts", {}, method="GET")["items"]
    return [one for one in items if one["metadata"]["payout_id"] == payout_id]


def push(bank: Bank, payout_id: str, to: str, **more: Any) -> str:
    *_, latest = at_bank(bank, payout_id)
    bank.knob(f"sellers-payouts/{latest['id']}", {"to": to, **more})
    return str(latest["id"])


def hear(sellers: Sellers, bank: Bank, delivered: Delivered) -> tuple[bool, str | None]:
    """Verify, translate and record a webhook."""
    headers = {name.lower(): value for name, value in delivered.headers.items()}
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - webhooks have real timestamps
    [event] = bank.provider.verify_webhook(
        path=delivered.path, headers=headers, payload=delivered.body, now=now
    )
    [told] = bank.provider.translate(event.payload)
    assert isinstance(told, PayoutReported)
    with transaction(sellers.engine) as session:
        recorded = record_payout(session, told, now=sellers.now)
    return recorded.is_news, recorded.refusal


def sent(sellers: Sellers) -> str:
    sellers.bank_account()
    payout_id = sellers.release(sellers.paid_by_bank())
    assert sellers.pay()["sent"] == 1
    assert sellers.standing(payout_id) == ("pending", None)
    return payout_id


def test_a_payout_is_followed_to_the_sellers_account(by_bank: Sellers, bank: Bank) -> None:
    payout_id = sent(by_bank)
    [made] = at_bank(bank, payout_id)
    assert (made["amount_in_minor"], made["currency"]) == (SELLERS_PART, "EUR")
    beneficiary = made["beneficiary"]
    assert beneficiary["account_identifiers"] == [{"type": "iban", "iban": IBAN}]
    assert beneficiary["account_holder_name"] == "Sam Seller"
    assert beneficiary["reference"] == f"PO{payout_id[-16:]}"
    assert by_bank.owed() == (SELLERS_PART, 0)

    payout_ref = push(bank, payout_id, "executed")
    delivered = bank.letterbox.take_about(payout_ref, "payout_executed")
    assert hear(by_bank, bank, delivered) == (True, None)
    assert by_bank.standing(payout_id) == ("paid", None)
    assert by_bank.lines(f"{payout_id}:paid") == {
        "liabilities:seller:SELLER": SELLERS_PART,
        "assets:bank:clearing": -SELLERS_PART,
    }
    assert hear(by_bank, bank, delivered) == (False, None)
    assert by_bank.count_entries("payout", payout_id) == 1
    by_bank.assert_invariants()


def test_without_webhooks_it_is_asked_about(by_bank: Sellers, bank: Bank) -> None:
    payout_id = sent(by_bank)
    by_bank.wait(minutes=1)
    assert by_bank.pay()["seen"] >= 1
    assert by_bank.standing(payout_id) == ("pending", None)
    push(bank, payout_id, "executed")
    by_bank.wait(minutes=5)
    assert by_bank.pay()["seen"] >= 1
    assert by_bank.standing(payout_id) == ("paid", None)


@pytest.mark.parametrize(
    ("reason", "code"), [("blocked", "destination_refused"), ("scheme_error", "scheme_error")]
)
def test_a_payout_that_fails_leaves_the_money_the_sellers(
    by_bank: Sellers, bank: Bank, reason: str, code: str
) -> None:
    payout_id = sent(by_bank)
    payout_ref = push(bank, payout_id, "failed", failure_reason=reason)
    delivered = bank.letterbox.take_about(payout_ref, "payout_failed")
    assert hear(by_bank, bank, delivered) == (True, None)
    assert by_bank.standing(payout_id) == ("failed", code)
    assert by_bank.owed() == (SELLERS_PART, SELLERS_PART)
    assert hear(by_bank, bank, delivered) == (False, None)

    by_bank.retry(payout_id)
    by_bank.pay()
    push(bank, payout_id, "executed")
    by_bank.wait(minutes=2)
    by_bank.pay()
    assert by_bank.standing(payout_id) == ("paid", None)
    assert [one["status"] for one in at_bank(bank, payout_id)] == ["failed", "executed"]
    by_bank.assert_invariants()


def test_money_that_comes_back_days_later_is_owed_again(by_bank: Sellers, bank: Bank) -> None:
    payout_id = sent(by_bank)
    push(bank, payout_id, "executed")
    by_bank.wait(minutes=1)
    by_bank.pay()
    payout_ref = push(bank, payout_id, "failed")
    by_bank.wait(days=2)  # no webhook came: a bank may take days, so it is still asked about
    by_bank.pay()
    assert by_bank.standing(payout_id) == ("failed", "returned")
    assert by_bank.owed() == (SELLERS_PART, SELLERS_PART)
    assert by_bank.lines(f"{payout_id}:returned:{payout_ref}") == {
        "liabilities:seller:SELLER": -SELLERS_PART,
        "assets:bank:clearing": SELLERS_PART,
    }
    delivered = bank.letterbox.take_about(payout_ref, "payout_failed")
    assert hear(by_bank, bank, delivered) == (False, None)
    by_bank.assert_invariants()


def test_it_came_back_before_anybody_heard_that_it_had_left(by_bank: Sellers, bank: Bank) -> None:
    """Both happened, and both are on the statement: so both are booked."""
    payout_id = sent(by_bank)
    push(bank, payout_id, "executed")
    payout_ref = push(bank, payout_id, "failed")
    delivered = bank.letterbox.take_about(payout_ref, "payout_failed")
    assert hear(by_bank, bank, delivered) == (True, None)
    assert by_bank.standing(payout_id) == ("failed", "returned")
    late = bank.knob("events", {}, method="GET")["items"]
    assert [one["type"] for one in late if one.get("payout_id") == payout_ref] == [
        "payout_executed",
        "payout_failed",
    ]
    assert by_bank.count_entries("payout", payout_id) == 1
    assert by_bank.count_entries("payout.returned", payout_id) == 1
    by_bank.assert_invariants()


def test_an_account_without_the_money_is_tried_again_later(by_bank: Sellers, bank: Bank) -> None:
    payout_id = sent(by_bank)
    push(bank, payout_id, "failed", failure_reason="insufficient_funds")
    by_bank.wait(minutes=1)
    by_bank.pay()
    assert by_bank.standing(payout_id) == ("queued", None)
    assert by_bank.owed() == (SELLERS_PART, 0)
    by_bank.wait(minutes=10)
    assert by_bank.pay()["sent"] == 1
    push(bank, payout_id, "executed")
    by_bank.wait(minutes=2)
    by_bank.pay()
    assert by_bank.standing(payout_id) == ("paid", None)
    assert len(at_bank(bank, payout_id)) == 2
    by_bank.assert_invariants()


@pytest.mark.parametrize("executed", [False, True])
def test_a_lost_answer_is_found_again(by_bank: Sellers, bank: Bank, *, executed: bool) -> None:
    by_bank.bank_account()
    payout_id = by_bank.release(by_bank.paid_by_bank())
    bank.break_calls({"fault": "close", "when": "after", "path": "/v3/payouts", "times": 1})
    assert by_bank.pay()["still_unknown"] == 1
    assert by_bank.standing(payout_id) == ("unknown", None)
    if executed:  # then our account shows it; else the same key does
        push(bank, payout_id, "executed")
    by_bank.wait(minutes=2)
    assert by_bank.pay()["seen" if executed else "sent"] >= 1
    assert by_bank.standing(payout_id)[0] == ("paid" if executed else "pending")
    assert len(at_bank(bank, payout_id)) == 1
    by_bank.assert_invariants()


def test_what_left_is_found_even_when_no_key_is_remembered(by_bank: Sellers, bank: Bank) -> None:
    by_bank.bank_account()
    payout_id = by_bank.release(by_bank.paid_by_bank())
    bank.break_calls({"fault": "close", "when": "after", "path": "/v3/payouts", "times": 1})
    by_bank.pay()
    push(bank, payout_id, "executed")
    by_bank.wait(hours=25)
    by_bank.pay()
    assert by_bank.standing(payout_id) == ("paid", None)


def test_two_workers_at_once_make_each_payout_once(by_bank: Sellers, bank: Bank) -> None:
    by_bank.bank_account()
    payouts = [by_bank.release(by_bank.paid_by_bank()) for _ in range(3)]
    with ThreadPoolExecutor(3) as workers:
        list(workers.map(lambda _: by_bank.pay(), range(3)))
    assert [len(at_bank(bank, payout_id)) for payout_id in payouts] == [1, 1, 1]


def test_an_iban_that_is_none_is_refused_at_once(by_bank: Sellers, bank: Bank) -> None:
    by_bank.destination("bank", currency="EUR", iban=f"{IBAN[:-1]}1", holder="Sam Seller")
    payout_id = by_bank.release(by_bank.paid_by_bank())
    by_bank.pay()
    assert by_bank.standing(payout_id) == ("failed", "destination_refused")
    assert at_bank(bank, payout_id) == []
    by_bank.assert_invariants()


def test_another_currencys_account_is_no_destination(by_bank: Sellers) -> None:
    by_bank.bank_account("GBP")
    by_bank.connected_account()
    payout_id = by_bank.release(by_bank.paid_by_bank())
    assert by_bank.standing(payout_id) == ("waiting", None)


def test_the_adapter_says_what_it_cannot(bank: Bank) -> None:
    request = PayoutRequest(
        payout_id=f"pyo_{uuid.uuid4().hex}",
        attempt=1,
        order_id="ord_1",
        payment_ref="",
        amount=100,
        currency="JPY",
        iban=IBAN,
        holder="Sam Seller",
        reference="PO1",
        idempotency_key=uuid.uuid4().hex,
        began_at=dt.datetime.now(dt.UTC),  # noqa: TID251 - the simulated bank has the real time
        asked_at=dt.datetime.now(dt.UTC),  # noqa: TID251 - the simulated bank has the real time
    )
    assert isinstance(bank.provider, PayoutPort)
    assert IBAN not in repr(request)
    with pytest.raises(PayoutRefusedError):
        bank.provider.create_payout(request)
    with pytest.raises(ConflictError):
        bank.provider.get_payout(str(uuid.uuid4()))


def test_an_event_of_somebody_elses_payout_means_nothing(bank: Bank) -> None:
    assert bank.provider.translate(b'{"type": "payout_executed", "payout_id": "x"}') == []


def test_a_failure_after_it_was_paid_takes_all_of_it_back(by_bank: Sellers, bank: Bank) -> None:
    """Whatever the reason: an executed payout that is told to have failed has come back."""
    payout_id = sent(by_bank)
    payout_ref = push(bank, payout_id, "executed")
    by_bank.wait(minutes=1)
    by_bank.pay()
    told = PayoutReported(
        provider="truelayer",
        payout_ref=payout_ref,
        payout_id=payout_id,
        attempt=1,
        amount=SELLERS_PART,
        currency="EUR",
        status=PayoutStatus.FAILED,
        occurred_at=by_bank.now,
        failure_code="server_error",
    )
    for is_news in (True, False):
        with transaction(by_bank.engine) as session:
            assert record_payout(session, told, now=by_bank.now).is_news is is_news
    assert by_bank.standing(payout_id) == ("failed", "returned")
    by_bank.assert_invariants()
