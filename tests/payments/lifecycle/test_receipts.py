"""Money that arrives at our bank: on time, short, over, twice, late, taken back."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError

import ledger
from payments.accounting.chart_of_accounts import bank_clearing, stripe_pending
from payments.accounting.entries import book
from payments.database import in_transaction, transaction
from payments.delivery.tables import LiveEvent, OutboxRow
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import DeadlineExtension, Dispute, Payment
from payments.providers.facts import ChargeSucceeded, Fact
from tests.payments.bank_shop import (
    AMOUNT,
    CLEARING,
    ESCROW,
    SUSPENSE,
    BankShop,
    ToldByBank,
    bank_payment,
)
from tests.payments.shop import NOW, open_shop


@pytest.fixture(scope="module")
def bank(engine: Engine) -> Iterator[BankShop]:
    bank = BankShop(open_shop(engine))
    yield bank
    bank.assert_invariants()


def test_executed_is_shown_and_books_nothing(bank: BankShop) -> None:
    told = bank.told()
    assert bank.record(told.asked(), told.executed()) == ["applied", "applied"]
    assert bank.read(told.payment).status == "processing"
    assert bank.show(told.payment) == {
        "reference": told.payment.bank_reference,
        "provider_status": "executed",
        "expires_at": "2026-11-25T12:00:00Z",
        "amount_received": "0",
    }
    assert bank.books(told.payment) == {}


def test_settled_is_held_for_the_order(bank: BankShop) -> None:
    told = bank.told()
    bank.record(told.executed())
    assert bank.record(told.settled(), told.settled()) == ["applied", "unchanged"]
    now = bank.read(told.payment)
    assert (now.status, now.amount_captured) == ("succeeded", AMOUNT)
    shown = bank.show(told.payment)
    assert (shown["provider_status"], shown["amount_received"]) == ("settled", "11900")
    assert bank.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}
    assert bank.receipts(told.payment) == [(AMOUNT, AMOUNT, 0, None)]
    assert bank.order_status(told.payment) == "paid"
    with bank.engine.connect() as connection:
        [entry] = ledger.entries_of_effects(connection, [f"{told.payment.id}:charged"])
    assert (entry.kind, entry.occurred_at) == ("charge", NOW + dt.timedelta(seconds=4))
    assert entry.metadata == {
        "order_id": told.payment.order_id,
        "payment_id": told.payment.id,
        "provider_ref": told.payment.provider_ref,
        "bank_reference": told.payment.bank_reference,
        "receipt_id": bank.receipt_ids(told.payment)[0],
        "receipt_ref": told.payment.provider_ref,
    }


def test_what_is_short_waits_until_a_further_transfer_completes_it(bank: BankShop) -> None:
    told = bank.told()
    bank.record(told.transfer(7_000))
    assert bank.read(told.payment).status == "created"
    assert bank.show(told.payment)["amount_received"] == "7000"
    assert bank.books(told.payment) == {CLEARING: 7_000, SUSPENSE: -7_000}
    assert bank.receipts(told.payment) == [(7_000, 0, 0, "short")]
    assert bank.order_status(told.payment) == "open"
    bank.record(told.transfer(4_900, second=9, number=2))
    assert bank.read(told.payment).status == "succeeded"
    assert bank.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}
    assert bank.receipts(told.payment) == [(7_000, 7_000, 0, None), (4_900, 4_900, 0, None)]
    assert bank.order_status(told.payment) == "paid"


def test_the_buyer_is_told_of_money_that_came_short(bank: BankShop) -> None:
    told = bank.told()
    bank.record(told.transfer(7_000))
    found = select(LiveEvent).filter_by(subject_id=told.payment.id, topic="payment.updated")
    with transaction(bank.engine) as session:
        [event] = session.scalars(found).all()
    assert event.data["bank"]["amount_received"] == "7000"
    assert event.audience == [bank.shop.buyer_id, bank.shop.seller_id]


def test_what_is_over_waits_and_the_order_gets_what_it_is_due(bank: BankShop) -> None:
    told = bank.told()
    bank.record(told.transfer(AMOUNT + 100))
    assert bank.read(told.payment).amount_captured == AMOUNT
    assert bank.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT + 100, SUSPENSE: -100}
    assert bank.receipts(told.payment) == [(AMOUNT + 100, AMOUNT, 0, "over")]


def test_the_oldest_money_pays_first(bank: BankShop) -> None:
    told = bank.told()
    bank.record(told.transfer(8_000, second=9), told.transfer(6_000, second=5, number=2))
    assert bank.receipts(told.payment) == [(6_000, 6_000, 0, None), (8_000, 5_900, 0, "over")]
    assert bank.books(told.payment)[SUSPENSE] == -2_100


def test_what_is_paid_twice_waits(bank: BankShop) -> None:
    told = bank.told()
    bank.record(told.settled(4), told.transfer(AMOUNT, second=9))
    assert bank.receipts(told.payment) == [(AMOUNT, AMOUNT, 0, None), (AMOUNT, 0, 0, "twice")]
    both = {ESCROW: -AMOUNT, CLEARING: 2 * AMOUNT, SUSPENSE: -AMOUNT}
    assert bank.books(told.payment) == both
    assert bank.show(told.payment)["amount_received"] == "23800"
    in_one = bank.told()
    bank.record(in_one.transfer(2 * AMOUNT))
    assert bank.receipts(in_one.payment) == [(2 * AMOUNT, AMOUNT, 0, "twice")]
    assert bank.books(in_one.payment) == both


@pytest.mark.parametrize("end", ["expired", "canceled"])
def test_what_is_late_waits(bank: BankShop, end: str) -> None:
    told = bank.told()
    ended = told.expired(6) if end == "expired" else told.canceled(6)
    assert bank.record(ended, told.settled(6)) == ["applied", "applied"]
    now = bank.read(told.payment)
    assert (now.status, now.amount_captured) == (end, 0)
    assert bank.receipts(told.payment) == [(AMOUNT, 0, 0, "late")]
    assert bank.books(told.payment) == {CLEARING: AMOUNT, SUSPENSE: -AMOUNT}
    assert bank.order_status(told.payment) == "open"
    assert bank.show(told.payment)["provider_status"] == "settled"


@pytest.mark.parametrize("end", ["expired", "canceled"])
def test_what_came_in_time_and_is_told_late_counts(bank: BankShop, end: str) -> None:
    told = bank.told()
    bank.record(told.expired(6) if end == "expired" else told.canceled(6))
    bank.record(told.settled(5))
    assert bank.read(told.payment).status == "succeeded"
    assert bank.receipts(told.payment) == [(AMOUNT, AMOUNT, 0, None)]


def test_a_moment_told_later_may_show_that_it_was_in_time(bank: BankShop) -> None:
    told = bank.told("gocardless")  # which tells the same money as confirmed and as paid out
    paid_out, confirmed = told.settled(9), told.settled(5)
    assert bank.record(told.expired(6), paid_out) == ["applied", "applied"]
    assert bank.receipts(told.payment) == [(AMOUNT, 0, 0, "late")]
    assert bank.record(confirmed, paid_out) == ["applied", "unchanged"]
    assert bank.read(told.payment).status == "succeeded"
    assert bank.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}


def test_the_providers_newest_word_is_shown(bank: BankShop) -> None:
    told = bank.told()
    bank.record(told.executed(3))
    authorized = replace(told.executed(2), provider_status="authorized")
    assert bank.record(authorized) == ["unchanged"]
    assert bank.show(told.payment)["provider_status"] == "executed"
    bank.record(told.settled(4), told.executed(3))
    assert bank.show(told.payment)["provider_status"] == "settled"


def test_the_second_payment_of_an_order_by_bank_is_put_up_to_be_given_back(bank: BankShop) -> None:
    order = bank.shop.order()
    by_card, by_bank = bank.shop.payment(order), ToldByBank(bank_payment(bank.shop, order))
    charged = ChargeSucceeded(
        provider="stripe",
        provider_ref=by_card.provider_ref,
        payment_id=by_card.id,
        occurred_at=NOW,
        amount=AMOUNT,
        currency="EUR",
    )
    bank.record(charged)
    bank.record(by_bank.settled())
    with transaction(bank.engine) as session:
        staged = session.scalars(select(OutboxRow).filter_by(job="refund_duplicate")).all()
    assert by_bank.payment.id in {row.args["payment_id"] for row in staged}


# ---- what cannot be right ----------------------------------------------------------------------


def test_the_same_money_told_with_another_amount_is_refused(bank: BankShop) -> None:
    told, other = bank.told(), bank.told()
    bank.record(told.transfer(7_000))
    stolen = replace(other.transfer(7_000), receipt_ref=f"stl_1_{told.payment.id}")
    facts = [told.transfer(7_001), stolen, told.settled(currency="USD"), told.transfer(0, number=2)]
    assert bank.record(*facts) == [
        "amount_differs",
        "receipt_differs",
        "currency_differs",
        "amount_differs",
    ]
    assert bank.receipts(told.payment) == [(7_000, 0, 0, "short")]
    assert bank.receipts(other.payment) == []


def test_a_card_receives_no_transfer_and_a_bank_payment_is_not_charged(bank: BankShop) -> None:
    told, card = bank.told(), bank.shop.payment(bank.shop.order())
    which = {**told.which(3), "amount": AMOUNT, "currency": "EUR"}
    by_card: dict[str, Any] = {**which, "provider": "stripe", "payment_id": card.id}
    by_card["provider_ref"] = card.provider_ref
    received = replace(told.settled(), **{k: by_card[k] for k in ("provider", "payment_id")})
    received = replace(received, provider_ref=card.provider_ref)
    assert bank.record(ChargeSucceeded(**which), received) == ["rail_differs", "rail_differs"]


def test_what_the_ledger_refuses_leaves_no_receipt(bank: BankShop) -> None:
    told = bank.told()
    with bank.engine.begin() as connection:
        book(
            connection,
            [(stripe_pending("EUR"), 1), (bank_clearing("EUR"), -1)],
            effect_key=f"{told.payment.id}:charged",
            kind="adjustment",
            occurred_at=NOW,
            description="Somebody was here before",
            metadata={},
        )
    assert bank.record(told.transfer(7_000), told.transfer(4_900, number=2)) == [
        "applied",
        "effect_key_reused",
    ]
    now = bank.read(told.payment)
    assert (now.status, bank.show(told.payment)["amount_received"]) == ("created", "7000")
    assert bank.receipts(told.payment) == [(7_000, 0, 0, "short")]


# ---- deadlines ---------------------------------------------------------------------------------


def extend(bank: BankShop, *, until_s: int, **scope: str) -> None:
    with transaction(bank.engine) as session:
        session.add(
            DeadlineExtension(
                id=f"ext_{until_s}_{next(iter(scope.values()))}",
                batch_id="ext_batch",
                extended_until=NOW + dt.timedelta(seconds=until_s),
                reason="the bank is down",
                created_by="key:ops",
                created_at=NOW,
                **scope,
            )
        )


@pytest.mark.parametrize("scope", ["payment_id", "provider"])
def test_nothing_expires_while_its_deadline_is_extended(bank: BankShop, scope: str) -> None:
    told = bank.told("slowbank")
    named = told.payment.id if scope == "payment_id" else "slowbank"
    extend(bank, until_s=60 if scope == "payment_id" else 61, **{scope: named})
    at = {"expired_at": NOW + dt.timedelta(seconds=59)}
    assert expire(bank, told, at["expired_at"]) == "deadline_extended"
    assert bank.read(told.payment).status == "created"
    with (
        pytest.raises(IntegrityError, match="is extended"),
        bank.engine.begin() as connection,
    ):
        connection.execute(
            text(
                "UPDATE strongroom.payments SET status = 'expired', updated_at = :now"
                " WHERE id = :id"
            ),
            {"id": told.payment.id, "now": at["expired_at"]},
        )
    assert expire(bank, told, NOW + dt.timedelta(seconds=61)) == "applied"
    assert bank.read(told.payment).status == "expired"


def expire(bank: BankShop, told: ToldByBank, now: dt.datetime) -> str:
    fact = SourcedFact(replace(told.expired(), occurred_at=now), "poll")
    [outcome] = in_transaction(bank.engine, lambda session: record_facts(session, [fact], now=now))
    return outcome.reason or outcome.result.value


# ---- taken back --------------------------------------------------------------------------------


def disputes(bank: BankShop, payment: Payment) -> list[tuple[str, str, int]]:
    with transaction(bank.engine) as session:
        rows = session.scalars(select(Dispute).filter_by(payment_id=payment.id)).all()
    return [(row.status, row.reason, row.amount) for row in rows]


@pytest.mark.parametrize("failure_first", [False, True])
def test_a_late_failure_is_a_lost_dispute(bank: BankShop, *, failure_first: bool) -> None:
    told = bank.told("gocardless")
    facts: list[Fact] = [told.settled(4), told.failed(7, takes_back=True)]
    bank.record(*(reversed(facts) if failure_first else facts))
    assert bank.record(*facts) == ["unchanged", "unchanged"]
    now = bank.read(told.payment)
    assert (now.status, now.amount_captured) == ("disputed", AMOUNT)
    assert disputes(bank, told.payment) == [("lost", "late_failure", AMOUNT)]
    assert bank.books(told.payment) == {}
    assert bank.show(told.payment)["provider_status"] == "failed"


def test_a_failure_before_the_money_came_takes_nothing_back(bank: BankShop) -> None:
    told = bank.told("gocardless")
    bank.record(told.settled(4), told.failed(3, takes_back=True))
    assert bank.read(told.payment).status == "succeeded"
    assert disputes(bank, told.payment) == []


def test_what_no_order_got_is_taken_back_out_of_suspense(bank: BankShop) -> None:
    late, twice = bank.told("gocardless"), bank.told("gocardless")
    bank.record(late.expired(2), late.settled(4), late.failed(7, takes_back=True))
    assert bank.receipts(late.payment) == [(AMOUNT, 0, AMOUNT, "late")]
    assert bank.books(late.payment) == {}
    bank.record(twice.settled(4), twice.transfer(AMOUNT, second=5))
    bank.record(twice.failed(7, takes_back=True))
    assert bank.read(twice.payment).status == "succeeded"
    assert bank.receipts(twice.payment) == [(AMOUNT, 0, AMOUNT, "twice"), (AMOUNT, AMOUNT, 0, None)]
    assert bank.books(twice.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}
    assert disputes(bank, twice.payment) == []


def test_refunds_and_disputes_move_the_banks_account(bank: BankShop) -> None:
    told = bank.told("gocardless")
    bank.record(told.settled(), told.refund("succeeded"))
    assert bank.books(told.payment) == {ESCROW: 2_500 - AMOUNT, CLEARING: AMOUNT - 2_500}
    other = bank.told("gocardless")
    bank.record(other.settled(), other.dispute("open"))
    assert CLEARING not in bank.books(other.payment)
    bank.record(other.dispute("won"))
    assert bank.books(other.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}
