"""Refunds by bank: they take their time, and the bank is asked when it does not tell."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import text

import ledger
from payments import invariants
from payments.database import in_transaction, transaction
from payments.errors import ConflictError, NotFoundError, UnavailableError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.lifecycle.apply_receipt import apply_receipt
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Payment, Refund
from payments.lifecycle.view import RefundView
from payments.providers.connect import Providers
from payments.providers.ports import LinkRequest
from payments.providers.stripe.client import StripeClient
from payments.refunds.create_refund import create_refund
from payments.refunds.read_refund import list_refunds
from payments.refunds.refund_duplicate import refund_duplicate
from payments.refunds.refund_receipt import refund_receipt
from payments.refunds.resolve_refunds import resolve_refunds
from payments.refunds.returned_by_hand import returned_by_hand
from tests.payments.bank_shop import (
    AMOUNT,
    CLEARING,
    ESCROW,
    SUSPENSE,
    BankShop,
    ToldByBank,
    bank_payment,
)
from tests.payments.shop import NOW, SERVICE, Shop, new_reference
from tests.payments.simulated_bank import Bank

LONG_AGO_S = 300_000_000  # before the bank's real clock, whatever it shows
LATER = NOW + dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Desk:
    """A shop, and a bank at which its payments stand."""

    books: BankShop
    bank: Bank
    providers: Providers

    def paid(self, *, ended: bool = False) -> ToldByBank:
        """Return a payment that the bank settled, told us so, and maybe too late."""
        payment = self.link()
        told = ToldByBank(payment)
        if ended:
            self.books.record(told.expired(-LONG_AGO_S))
        self.bank.push(payment.provider_ref, "authorized")
        self.bank.push(payment.provider_ref, "settled")
        facts = self.bank.provider.get_status(str(payment.provider_ref), seen_at=NOW)
        in_transaction(
            self.books.engine,
            lambda session: record_seen(session, facts, cause="poll", now=NOW),
        )
        return told

    def link(self) -> Payment:
        """Return a payment whose page the bank has, and nobody paid."""
        shop = self.books.shop
        row = bank_payment(shop)
        link = self.bank.provider.create_link(
            LinkRequest(
                payment_id=row.id,
                order_id=row.order_id,
                amount=row.amount,
                currency=row.currency,
                bank_reference=str(row.bank_reference),
                payer_id=shop.buyer_id,
                payer_name="Ada Buyer",
                payer_email="ada@example.org",
                return_url="http://127.0.0.1:9/back",
                expires_at=NOW + dt.timedelta(hours=72),
                idempotency_key=new_id("call", now=NOW),
            )
        )
        with transaction(shop.engine) as session:
            payment = session.get_one(Payment, row.id)
            payment.provider_ref = link.provider_ref
        return payment

    def refund(self, told: ToldByBank, amount: int | None = None) -> Answered[RefundView]:
        return create_refund(
            self.books.engine,
            caller=SERVICE,
            reference=new_reference(),
            payment_id=told.payment.id,
            amount=amount,
            reason="requested_by_customer",
            now=NOW,
            providers=self.providers,
        )

    def refund_receipt(self, told: ToldByBank, *, reference: str = "") -> Answered[RefundView]:
        [receipt_id, *_] = self.books.receipt_ids(told.payment)
        return refund_receipt(
            self.books.engine,
            caller=SERVICE,
            reference=reference or new_reference(),
            receipt_id=receipt_id,
            now=NOW,
            providers=self.providers,
        )

    def resolve(self, told: ToldByBank, now: dt.datetime = LATER) -> dict[str, int]:
        """Look up what is due of this payment alone: other tests leave their own behind."""
        with self.books.engine.begin() as connection:
            for table in ("refunds SET poll_at", "provider_calls SET due_at"):
                connection.execute(
                    text(
                        f"UPDATE strongroom.{table} = '3000-01-01'"
                        f" WHERE payment_id <> :id AND {table.split()[-1]} IS NOT NULL"
                    ),
                    {"id": told.payment.id},
                )
        return resolve_refunds(self.books.engine, providers=self.providers, now=now, limit=10)

    def end(self, told: ToldByBank, to: str) -> None:
        """Have the bank bring the payment's refunds to an end, and tell nobody."""
        for refund in self.bank.knob("refunds", {}, method="GET")["items"]:
            if refund["metadata"].get("payment_id") == told.payment.id:
                self.bank.knob(f"refunds/{refund['id']}", {"to": to})

    def at_bank(self, told: ToldByBank) -> list[tuple[int, str]]:
        listed = self.bank.knob("refunds", {}, method="GET")["items"]
        return sorted(
            (refund["amount_in_minor"], refund["status"])
            for refund in listed
            if refund["metadata"].get("payment_id") == told.payment.id
        )

    def refund_ref(self, refund_id: str) -> str:
        with transaction(self.books.engine) as session:
            return str(session.get_one(Refund, refund_id).provider_ref)

    def statuses(self, told: ToldByBank) -> list[str]:
        with transaction(self.books.engine) as session:
            found = list_refunds(session, caller=SERVICE, payment_id=told.payment.id)
        return [refund.status for refund in found]


@pytest.fixture
def desk(shop: Shop, bank: Bank, stripe: StripeClient) -> Desk:
    return Desk(BankShop(shop), bank, Providers(stripe, {"truelayer": bank.provider}))


def test_a_refund_is_under_way_until_the_bank_has_sent_it(desk: Desk) -> None:
    told = desk.paid()
    refund = desk.refund(told, 2_500).resource
    assert refund.status == "pending"
    assert desk.books.read(told.payment).amount_refunded == 0
    assert desk.resolve(told, NOW)["ended"] == 0, "it is not time to ask yet"
    desk.end(told, "executed")
    assert desk.resolve(told) == {
        "resolved": 0,
        "still_unknown": 0,
        "ended": 1,
        "still_pending": 0,
    }
    now = desk.books.read(told.payment)
    assert (now.status, now.amount_refunded) == ("partially_refunded", 2_500)
    assert desk.books.books(told.payment) == {ESCROW: 2_500 - AMOUNT, CLEARING: AMOUNT - 2_500}
    assert desk.resolve(told, LATER + dt.timedelta(days=1))["ended"] == 0, "nothing is left to ask"


def test_a_refund_nobody_ends_is_asked_about_ever_later(desk: Desk) -> None:
    told = desk.paid()
    desk.refund(told)
    assert desk.resolve(told)["still_pending"] == 1
    assert desk.resolve(told)["still_pending"] == 0, "asked again too soon"
    assert desk.resolve(told, LATER + dt.timedelta(minutes=10))["still_pending"] == 1
    desk.end(told, "failed")
    assert desk.resolve(told, LATER + dt.timedelta(days=1))["ended"] == 1
    assert desk.statuses(told) == ["failed"]
    assert desk.books.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}


def test_what_came_back_after_it_was_sent_is_held_again(desk: Desk) -> None:
    told = desk.paid()
    refund = desk.refund(told).resource
    desk.end(told, "executed")
    desk.resolve(told)
    assert desk.books.read(told.payment).status == "refunded"
    came_back = told.refund("failed", amount=AMOUNT, refund_id=refund.id)
    desk.books.record(replace(came_back, refund_ref=desk.refund_ref(refund.id)))
    assert desk.statuses(told) == ["failed"]
    assert desk.books.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}


def test_a_lost_answer_is_looked_up(desk: Desk) -> None:
    told = desk.paid()
    desk.bank.break_calls({"fault": "close", "when": "after", "path": "/v3/payments/*"})
    with pytest.raises(UnavailableError):
        desk.refund(told, 2_500)
    desk.bank.break_calls()
    assert desk.resolve(told)["resolved"] == 1
    assert (desk.at_bank(told), desk.statuses(told)) == ([(2_500, "pending")], ["pending"])


def test_while_the_bank_is_away_nothing_is_concluded(desk: Desk) -> None:
    told = desk.paid()
    desk.refund(told, 2_500)
    desk.bank.break_calls({"fault": "answer", "method": "*", "status": 503, "path": "/v3/*"})
    assert desk.resolve(told)["still_pending"] == 1
    assert desk.statuses(told) == ["pending"]


def test_a_bank_that_is_not_set_up_any_more_is_no_answer(desk: Desk) -> None:
    told = desk.paid()
    without = Desk(desk.books, desk.bank, Providers(desk.providers.stripe, {}))
    with pytest.raises(UnavailableError):
        without.refund(told)
    assert without.resolve(told)["still_unknown"] == 1
    assert desk.resolve(told, LATER + dt.timedelta(hours=1))["resolved"] == 1
    assert desk.at_bank(told) == [(AMOUNT, "pending")]


def test_what_was_paid_twice_goes_back_once(desk: Desk) -> None:
    told = desk.paid()
    for _ in range(2):
        assert refund_duplicate(
            desk.books.engine, payment_id=told.payment.id, now=NOW, providers=desk.providers
        )
    assert desk.at_bank(told) == [(AMOUNT, "pending")]


# ---- money that no order got -------------------------------------------------------------------


def test_late_money_goes_back_out_of_suspense(desk: Desk) -> None:
    told = desk.paid(ended=True)
    assert desk.books.receipts(told.payment) == [(AMOUNT, 0, 0, "late")]
    refund = desk.refund_receipt(told, reference=f"late-{told.payment.id}")
    assert (refund.resource.status, refund.resource.amount) == ("pending", AMOUNT)
    assert desk.books.receipts(told.payment) == [(AMOUNT, 0, AMOUNT, "late")]
    assert desk.books.books(told.payment) == {CLEARING: AMOUNT, SUSPENSE: -AMOUNT}
    desk.end(told, "executed")
    desk.resolve(told)
    assert desk.books.books(told.payment) == {}
    now = desk.books.read(told.payment)
    assert (now.status, now.amount_refunded) == ("expired", 0)
    again = desk.refund_receipt(told, reference=f"late-{told.payment.id}")
    assert (again.replayed, again.resource.id) == (True, refund.resource.id)
    assert desk.at_bank(told) == [(AMOUNT, "executed")]
    with pytest.raises(ConflictError) as refused:
        desk.refund_receipt(told)
    assert refused.value.code == "receipt_not_suspended"


def test_callers_at_once_give_it_back_once(desk: Desk) -> None:
    told = desk.paid(ended=True)
    together = threading.Barrier(8)

    def give_back_or_apply(number: int) -> str:
        together.wait(timeout=10)
        try:
            if number % 2:
                return apply(desk, told)
            return desk.refund_receipt(told).resource.status
        except ConflictError as error:
            return error.code

    with ThreadPoolExecutor(8) as callers:
        ends = sorted(callers.map(give_back_or_apply, range(8)))
    assert [end for end in ends if end in ("pending", "succeeded")] in (["pending"], ["succeeded"])
    assert set(ends) <= {"pending", "succeeded", "receipt_not_suspended", "payment_charged"}
    assert len(desk.at_bank(told)) == ends.count("pending")


def test_a_refund_that_fails_leaves_the_money_in_suspense(desk: Desk) -> None:
    told = desk.paid(ended=True)
    desk.refund_receipt(told)
    desk.end(told, "failed")
    desk.resolve(told)
    assert desk.statuses(told) == ["failed"]
    assert desk.books.receipts(told.payment) == [(AMOUNT, 0, 0, "late")]
    assert desk.books.books(told.payment) == {CLEARING: AMOUNT, SUSPENSE: -AMOUNT}


def test_money_the_bank_did_not_carry_is_refused_and_goes_on_waiting(desk: Desk) -> None:
    told = ToldByBank(desk.link())
    desk.books.record(told.transfer(7_000))
    with pytest.raises(ConflictError):
        desk.refund_receipt(told)
    assert desk.books.receipts(told.payment) == [(7_000, 0, 0, "short")]
    assert desk.statuses(told) == ["failed"]
    [receipt_id] = desk.books.receipt_ids(told.payment)
    give_back = by_hand(desk, receipt_id)
    assert give_back(6_000).status == "succeeded"
    assert desk.books.receipts(told.payment) == [(7_000, 0, 6_000, "short")]
    assert desk.books.books(told.payment) == {CLEARING: 1_000, SUSPENSE: -1_000}
    with pytest.raises(ConflictError) as refused:
        give_back(1_001)
    assert refused.value.code == "receipt_not_suspended"
    with pytest.raises(NotFoundError):
        by_hand(desk, "rcp_none")(1)


def by_hand(desk: Desk, receipt_id: str) -> Callable[[int], RefundView]:
    def give_back(amount: int) -> RefundView:
        with transaction(desk.books.engine) as session:
            return returned_by_hand(
                session, receipt_id=receipt_id, amount=amount, occurred_at=NOW, now=NOW
            )

    return give_back


def test_a_refund_that_fails_may_complete_the_payment(desk: Desk) -> None:
    told = ToldByBank(desk.link())
    desk.books.record(told.transfer(7_000))
    desk.bank.break_calls({"fault": "answer", "status": 503, "path": "/v3/payments/*"})
    with pytest.raises(UnavailableError):
        desk.refund_receipt(told)
    desk.bank.break_calls()
    desk.books.record(told.transfer(4_900, second=9, number=2))
    assert desk.books.read(told.payment).status == "created", "the first is on its way back"
    desk.resolve(told)  # which the bank refuses: it never carried it
    assert desk.statuses(told) == ["failed"]
    assert desk.books.read(told.payment).status == "succeeded"
    assert desk.books.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}
    assert desk.books.order_status(told.payment) == "paid"


# ---- by hand -----------------------------------------------------------------------------------


def apply(desk: Desk, told: ToldByBank, number: int = 0) -> str:
    receipt_id = desk.books.receipt_ids(told.payment)[number]
    with transaction(desk.books.engine) as session:
        view = apply_receipt(session, receipt_id=receipt_id, cause="key:finance", now=NOW)
    return view.status.value


def test_late_money_is_taken_into_its_payment_by_hand(desk: Desk) -> None:
    told = desk.paid(ended=True)
    assert apply(desk, told) == "succeeded"
    assert desk.books.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}
    assert desk.books.receipts(told.payment) == [(AMOUNT, AMOUNT, 0, None)]
    assert desk.books.order_status(told.payment) == "paid"
    with pytest.raises(ConflictError) as refused:
        apply(desk, told)
    assert refused.value.code == "payment_charged"


def test_late_money_completes_what_came_in_time(desk: Desk) -> None:
    told = desk.books.told()
    desk.books.record(told.transfer(7_000, second=1), told.expired(2))
    with pytest.raises(ConflictError) as refused:
        apply(desk, told)
    assert refused.value.code == "receipt_too_small"
    desk.books.record(told.transfer(5_000, second=3, number=2))
    assert apply(desk, told, 1) == "succeeded"
    assert desk.books.receipts(told.payment) == [(7_000, 7_000, 0, None), (5_000, 4_900, 0, "over")]
    assert desk.books.books(told.payment)[SUSPENSE] == -100


def test_what_went_back_or_whose_order_is_paid_is_not_taken(desk: Desk) -> None:
    gone = desk.paid(ended=True)
    desk.refund_receipt(gone)
    with pytest.raises(ConflictError) as refused:
        apply(desk, gone)
    assert refused.value.code == "receipt_not_suspended"
    late = desk.paid(ended=True)
    with desk.books.engine.begin() as connection:
        connection.execute(
            text("UPDATE strongroom.orders SET status = 'canceled' WHERE id = :id"),
            {"id": late.payment.order_id},
        )
    with pytest.raises(ConflictError) as refused:
        apply(desk, late)
    assert refused.value.code == "order_not_open"


def test_invariants_hold_after_all_of_it(desk: Desk) -> None:
    with desk.books.engine.connect() as connection:
        assert ledger.broken_invariants(connection) == []
        assert invariants.broken_invariants(connection) == []
