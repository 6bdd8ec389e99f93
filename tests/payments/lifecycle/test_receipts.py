"""Money that arrives at our bank: on time, short, over, twice, late, and in any order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

import ledger
from payments import invariants
from payments.database import in_transaction, transaction
from payments.intake.read_payment import read_payment
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import BankReceipt, Payment
from payments.lifecycle.view import PaymentView
from payments.orders.read_order import read_order
from payments.providers.facts import Fact
from tests.payments.bank_shop import AMOUNT, ToldByBank, bank_payment
from tests.payments.shop import NOW, SERVICE, Shop, open_shop

ESCROW, CLEARING, SUSPENSE = (
    "liabilities:escrow:ORDER",
    "assets:bank:clearing",
    "assets:suspense:unmatched",
)
RECEIPTS = (ESCROW, CLEARING, SUSPENSE)


@dataclass(frozen=True)
class Bank:
    """A shop whose payments come by bank."""

    shop: Shop

    @property
    def engine(self) -> Engine:
        return self.shop.engine

    def told(self, provider: str = "truelayer") -> ToldByBank:
        return ToldByBank(bank_payment(self.shop, provider=provider))

    def record(self, *facts: Fact) -> list[str]:
        batch = [SourcedFact(fact, "truelayer:evt_1") for fact in facts]
        outcomes = in_transaction(
            self.engine, lambda session: record_facts(session, batch, now=NOW)
        )
        return [outcome.reason or outcome.result.value for outcome in outcomes]

    def read(self, payment: Payment) -> PaymentView:
        with transaction(self.engine) as session:
            return read_payment(session, caller=SERVICE, payment_id=payment.id)

    def receipts(self, payment: Payment) -> list[tuple[int, int, int, str | None]]:
        """Amount, applied, returned and reason of each, oldest first."""
        found = select(BankReceipt).filter_by(payment_id=payment.id)
        with transaction(self.engine) as session:
            rows = session.scalars(found.order_by(BankReceipt.occurred_at)).all()
        return [(row.amount, row.amount_applied, row.amount_returned, row.reason) for row in rows]

    def books(self, payment: Payment) -> dict[str, int]:
        """What the payment's entries come to on each account, without what is nothing."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("""
                    SELECT a.path, sum(p.amount)::bigint AS amount FROM ledger.entries e
                      JOIN ledger.postings p ON p.entry_id = e.id
                      JOIN ledger.accounts a ON a.id = p.account_id
                     WHERE e.metadata->>'payment_id' = :id
                     GROUP BY a.path HAVING sum(p.amount) <> 0
                """),
                {"id": payment.id},
            ).all()
        return {row.path.replace(payment.order_id, "ORDER"): row.amount for row in rows}

    def order_status(self, payment: Payment) -> str:
        with transaction(self.engine) as session:
            order = read_order(session, caller=SERVICE, order_id=payment.order_id)
        return order.status


@pytest.fixture(scope="module")
def bank(engine: Engine) -> Iterator[Bank]:
    bank = Bank(open_shop(engine))
    yield bank
    with engine.connect() as connection:
        assert ledger.broken_invariants(connection) == []
        assert invariants.broken_invariants(connection) == []


def show(view: PaymentView) -> dict[str, Any]:
    return view.as_event()["bank"] or {}


def test_executed_is_shown_and_books_nothing(bank: Bank) -> None:
    told = bank.told()
    assert bank.record(told.asked(), told.executed()) == ["applied", "applied"]
    now = bank.read(told.payment)
    assert now.status == "processing"
    assert show(now) == {
        "reference": told.payment.bank_reference,
        "provider_status": "executed",
        "expires_at": "2026-11-25T12:00:00Z",
        "amount_received": "0",
    }
    assert bank.books(told.payment) == {}


def test_settled_is_held_for_the_order(bank: Bank) -> None:
    told = bank.told()
    bank.record(told.executed())
    assert bank.record(told.settled(), told.settled()) == ["applied", "unchanged"]
    now = bank.read(told.payment)
    assert (now.status, now.amount_captured) == ("succeeded", AMOUNT)
    assert (show(now)["provider_status"], show(now)["amount_received"]) == ("settled", "11900")
    assert bank.books(told.payment) == {ESCROW: -AMOUNT, CLEARING: AMOUNT}
    assert bank.receipts(told.payment) == [(AMOUNT, AMOUNT, 0, None)]
    assert bank.order_status(told.payment) == "paid"
    with bank.engine.connect() as connection:
        [entry] = ledger.entries_of_effects(connection, [f"{told.payment.id}:charged"])
    assert entry.kind == "charge"
    assert entry.metadata["bank_reference"] == told.payment.bank_reference
    assert entry.metadata["receipt_ref"] == told.payment.provider_ref
