"""A simulated Stripe account with payments of a shop in it, and what it tells us of them."""

import datetime as dt
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from payments.database import in_transaction, transaction
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import Payment
from payments.providers.facts import PayoutReported
from payments.providers.stripe import events
from payments.providers.stripe.client import StripeClient
from payments.settlement.book_transactions import settle_available
from payments.settlement.compare_balance import Comparison, compare_balance
from payments.settlement.store_payouts import follow_payouts
from payments.settlement.sync_balance import Synced, sync_balance
from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import SECRET_KEY, stripe_at
from tests.payments.settlement.stripe_books import Books


@dataclass(frozen=True)
class StripeAccount:
    """What people do at Stripe, and what we hear of it and do."""

    simulated: SimulatedStripe
    books: Books
    client: StripeClient = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "client", stripe_at(self.simulated.url))

    @property
    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.simulated.account.now(), tz=dt.UTC)

    def turn(self, path: str, method: str = "POST", **wanted: Any) -> dict[str, Any]:
        """Turn a knob of the simulated Stripe."""
        answer = requests.request(
            method,
            f"{self.simulated.url}/_sandbox/{path}",
            json=wanted,
            headers={"Authorization": f"Bearer {SECRET_KEY}"},
            timeout=5,
        )
        assert answer.ok, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def pay(self, net: int = 10_000, *, card: str = "pm_card_visa") -> Payment:
        """A payment of ours, paid at Stripe; we have not heard of it yet."""
        order = self.books.shop.order(net=net, currency="USD", rate="0")
        payment = self.books.shop.payment(order, known_to_stripe=False)
        self.charge(net, card=card, metadata={"payment_id": payment.id})
        return payment

    def charge(
        self, amount: int, *, card: str = "pm_card_visa", metadata: dict[str, str] | None = None
    ) -> str:
        """Charge a card at Stripe and return the charge's id."""
        intent = self.client.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "usd",
                "payment_method": card,
                "confirm": True,
                "allowed_payment_method_types": ["card"],
                "metadata": metadata or {},
            }
        )
        return str(intent.latest_charge)

    def charge_of(self, payment: Payment) -> str:
        found = self.client.v1.charges.list({"limit": 100}).data
        [charge] = [each.id for each in found if payment.id in each.metadata.to_dict().values()]
        return charge

    def hear(self) -> None:
        """Take in everything Stripe has told so far, oldest first."""
        told = self.client.v1.events.list({"limit": 100}).auto_paging_iter()
        facts = []
        for event in reversed(list(told)):
            fact = events.translate(json.dumps(event.to_dict()).encode())
            if fact is not None and not isinstance(fact, PayoutReported):
                facts.append(SourcedFact(fact, f"stripe:{event.id}"))
        outcomes = in_transaction(
            self.books.shop.engine, lambda session: record_facts(session, facts, now=self.now)
        )
        refused = [outcome for outcome in outcomes if outcome.result == "refused"]
        assert {outcome.reason for outcome in refused} <= {"unknown_payment"}, refused

    def sync(self) -> Synced:
        return sync_balance(self.books.shop.engine, stripe=self.client, now=self.now)

    def follow(self) -> int:
        return follow_payouts(self.books.shop.engine, stripe=self.client, now=self.now)

    def settle(self) -> int:
        with transaction(self.books.shop.engine) as session:
            return settle_available(session, limit=100, now=self.now)

    def compare(self) -> Comparison:
        found = compare_balance(self.books.shop.engine, stripe=self.client, now=self.now)
        [usd] = [comparison for comparison in found if comparison.currency == "USD"]
        return usd

    def assert_books_equal(self) -> None:
        """Stripe's own books and ours are the same, to the cent and place by place."""
        comparison = self.compare()
        assert comparison.in_flight == (), comparison.in_flight
        assert comparison.stripe == comparison.ledger


@contextmanager
def open_account(books: Books, folder: Path) -> Iterator[StripeAccount]:
    """Run a simulated Stripe of the test's own, where everything that comes later comes at once."""
    keys = Account(
        secret_key=SECRET_KEY,
        publishable_key="pk_test_sandbox_settlement",
        webhook_url="http://127.0.0.1:9/nobody-listens",
        webhook_secret="whsec_sandbox_settlement",
        now=time.time,  # noqa: TID251 - the simulated Stripe has a clock of its own
    )
    with SimulatedStripe(keys, data=folder / "stripe.db", retry_first_s=60) as simulated:
        account = StripeAccount(simulated, books)
        account.turn("moments", "PUT", moment_s=0.01)
        yield account
