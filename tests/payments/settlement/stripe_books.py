"""Balance transactions as Stripe tells them, and what our books make of them."""

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import Any

import ledger
from ledger import broken_invariants
from payments.database import transaction
from payments.lifecycle.record_facts import Outcome, SourcedFact, record_facts
from payments.lifecycle.tables import Payment
from payments.providers.facts import ChargeSucceeded, Fact
from payments.providers.stripe.balance import BalanceTransaction, Payout, Source
from payments.settlement.book_transactions import book_stored, settle_available
from payments.settlement.match_principals import ask_for_missing, match_principals
from payments.settlement.store_transactions import store_transactions
from payments.settlement.tables import BalanceTransactionRow
from tests.payments.shop import NOW, Shop

DAY = dt.timedelta(days=1)
_numbers = itertools.count(1)


def moved(type_: str, amount: int, *, fee: int = 0, **told: Any) -> BalanceTransaction:
    """A movement of USD at Stripe, told now and available in two days."""
    return BalanceTransaction(
        **{
            "id": f"txn_{next(_numbers):08}",
            "type": type_,
            "reporting_category": type_,
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": "USD",
            "is_available": False,
            "occurred_at": NOW,
            "available_on": NOW + 2 * DAY,
            "source": None,
            **told,
        }
    )


def charge_of(payment: Payment, *, fee: int = 0, **told: Any) -> BalanceTransaction:
    source = Source(
        ref=f"ch_{payment.id}",
        kind="charge",
        intent_ref=payment.provider_ref,
        payment_id=payment.id,
        amount=payment.amount,
        currency=payment.currency,
    )
    amount = told.pop("amount", payment.amount)
    return moved("charge", amount, fee=fee, source=source, **{"currency": payment.currency} | told)


def payout(ref: str, amount: int, **told: Any) -> Payout:
    return Payout(
        **{
            "ref": ref,
            "amount": amount,
            "currency": "USD",
            "status": "in_transit",
            "automatic": True,
            "arrival_date": NOW.date(),
            "statement_descriptor": "STRIPE PAYOUT",
            "trace_ref": None,
            "failure_code": None,
            "occurred_at": NOW,
            "is_itemized": False,
            **told,
        }
    )


@dataclass(frozen=True)
class Books:
    """Our books of one shop."""

    shop: Shop

    def payment(self, net: int = 10_000, currency: str = "USD") -> Payment:
        return self.shop.payment(self.shop.order(net=net, currency=currency, rate="0"))

    def tell(self, *facts: Fact) -> list[Outcome]:
        with transaction(self.shop.engine) as session:
            return record_facts(session, [SourcedFact(fact, "test") for fact in facts], now=NOW)

    def charged(self, payment: Payment) -> None:
        [outcome] = self.tell(
            ChargeSucceeded(
                provider="stripe",
                provider_ref=payment.provider_ref,
                payment_id=payment.id,
                occurred_at=NOW,
                amount=payment.amount,
                currency=payment.currency,
            )
        )
        assert outcome.result == "applied", outcome

    def store(self, *found: BalanceTransaction) -> int:
        with transaction(self.shop.engine) as session:
            return store_transactions(session, found, now=NOW)

    def book(self) -> int:
        with transaction(self.shop.engine) as session:
            return book_stored(session, limit=100)

    def match(self) -> int:
        with transaction(self.shop.engine) as session:
            return match_principals(session, limit=100)

    def ask(self, now: dt.datetime) -> list[str]:
        with transaction(self.shop.engine) as session:
            return ask_for_missing(session, limit=100, now=now)

    def settle(self, now: dt.datetime) -> int:
        with transaction(self.shop.engine) as session:
            return settle_available(session, limit=100, now=now)

    def row(self, id_: str) -> BalanceTransactionRow:
        with transaction(self.shop.engine) as session:
            return session.get_one(BalanceTransactionRow, id_)

    def balances(self) -> dict[str, int]:
        """Every account with something in it, without escrow: `assets:stripe:pending USD`."""
        with self.shop.engine.connect() as connection:
            assert broken_invariants(connection) == []
            return {
                f"{row.path} {row.asset.code}": row.balance
                for row in ledger.trial_balance(connection)
                if row.balance and not row.path.startswith("liabilities:escrow:")
            }

    def entries(self, *effect_keys: str) -> list[tuple[str, dict[str, int]]]:
        """The entries of effects, each with its lines."""
        with self.shop.engine.connect() as connection:
            return [
                (
                    entry.effect_key,
                    {f"{line.path} {line.asset}": line.amount for line in entry.lines},
                )
                for entry in ledger.entries_of_effects(connection, effect_keys)
            ]
