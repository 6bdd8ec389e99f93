"""What GoCardless tells goes through inbox and door into the books, in any order, and once."""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations

import pytest
from sqlalchemy import Engine, select, text

import ledger
from payments import invariants
from payments.database import in_transaction, transaction
from payments.intake.create_bank_link import create_bank_link
from payments.intake.poll_payments import poll_payments
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import BankReceipt, Payment
from payments.orders.read_order import read_order
from payments.providers.connect import Providers
from payments.providers.gocardless.adapter import GoCardless
from payments.providers.ports import RefundRequest
from payments.providers.stripe.client import StripeClient
from payments.webhooks.drain_inbox import drain_inbox
from payments.webhooks.inbox_writer import InboxWriter
from payments.webhooks.receive_event import receive_bank_events
from payments.webhooks.tables import InboxEvent
from payments.webhooks.webhook_notes import WebhookNotes
from tests.payments.providers.gocardless.conftest import NEWER
from tests.payments.providers.gocardless.gocardless_server import GoCardlessServer, Resource
from tests.payments.shop import CIPHER, NOW, SERVICE, Shop, new_reference

AMOUNT = 11_900
HELD = {"liabilities:escrow:ORDER": -AMOUNT, "assets:bank:clearing": AMOUNT}
TAKEN_OUT_AGAIN: dict[str, int] = {}
LOST = ["charge", "dispute.lost", "dispute.opened"]


@dataclass
class Till:
    """A shop that is paid through GoCardless; `now` goes on by a minute with each thing done."""

    shop: Shop
    gocardless: GoCardlessServer
    adapter: GoCardless
    providers: Providers
    now: dt.datetime = NOW
    payment_id: str = ""
    at_gocardless: Resource = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.shop.engine

    def open_page(self) -> str:
        """Have a page made for an order, and return its billing request."""
        created = create_bank_link(
            self.engine,
            caller=self.shop.buyer,
            reference=new_reference(),
            order_id=self.shop.order(currency="GBP").id,
            return_url="https://shop.test/back",
            trusted_origins=("https://shop.test",),
            open_for=dt.timedelta(hours=72),
            now=self.now,
            cipher=CIPHER,
            providers=self.providers,
        )
        self.payment_id = created.resource.payment.id
        return str(self.row().provider_ref)

    def authorise(self) -> None:
        self.at_gocardless = self.gocardless.authorise(self.open_page())

    def happen(self, *actions: str) -> list[Resource]:
        return self.gocardless.settle(self.at_gocardless, *actions)

    def deliver(self, *events: Resource) -> bool:
        """Send a webhook and work the inbox off; True if it brought nothing new."""
        self.now += dt.timedelta(minutes=1)
        payload = json.dumps({"events": events}).encode()
        signature = hmac.new(NEWER.encode(), payload, hashlib.sha256).hexdigest()
        stored = receive_bank_events(
            InboxWriter(self.engine),
            banks=self.providers.banks,
            path="/api/webhooks/bank",
            headers={"webhook-signature": signature},
            payload=payload,
            notes=WebhookNotes(self.engine),
            cipher=CIPHER,
            now=self.now,
            request_id=None,
        )
        drain_inbox(self.engine, cipher=CIPHER, limit=100, now=self.now, banks=self.providers.banks)
        return stored.duplicate

    def inbox(self, *events: Resource) -> list[tuple[str, str | None]]:
        """What became of events, by state and error."""
        with transaction(self.engine) as session:
            rows = {
                row.event_id: (row.state, row.error)
                for row in session.scalars(select(InboxEvent).filter_by(provider="gocardless"))
            }
        return [rows[event["id"]] for event in events]

    def row(self) -> Payment:
        with transaction(self.engine) as session:
            return session.get_one(Payment, self.payment_id)

    def receipts(self) -> list[tuple[str, int, int, str | None]]:
        found = select(BankReceipt).filter_by(payment_id=self.payment_id)
        with transaction(self.engine) as session:
            rows = session.scalars(found).all()
        return [(row.receipt_ref, row.amount, row.amount_applied, row.reason) for row in rows]

    def order_status(self) -> str:
        with transaction(self.engine) as session:
            return read_order(session, caller=SERVICE, order_id=self.row().order_id).status

    def kinds(self) -> list[str]:
        """The kinds of the payment's entries."""
        by_payment = text("SELECT kind FROM ledger.entries WHERE metadata->>'payment_id' = :id")
        with self.engine.connect() as connection:
            return sorted(connection.scalars(by_payment, {"id": self.payment_id}))

    def books(self) -> dict[str, int]:
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
                {"id": self.payment_id},
            ).all()
        named = {self.row().order_id: "ORDER", self.shop.seller_id: "SELLER"}
        books: dict[str, int] = {}
        for path, amount in rows:
            *kind, owner = path.split(":")
            books[":".join([*kind, named.get(owner, owner)])] = amount
        return books


@pytest.fixture
def till(
    shop: Shop, gocardless: GoCardlessServer, adapter: GoCardless, stripe: StripeClient
) -> Iterator[Till]:
    providers = Providers(stripe, banks={"gocardless": adapter})
    yield Till(shop, gocardless, adapter, providers)
    with shop.engine.connect() as connection:
        assert ledger.broken_invariants(connection) == []
        assert invariants.broken_invariants(connection) == []


def test_paid_is_held_for_the_order_however_often_it_is_told(till: Till) -> None:
    till.authorise()
    till.deliver(*till.happen("submitted"))
    assert (till.row().status, till.row().provider_status) == ("processing", "submitted")
    assert till.books() == {}
    confirmed = till.happen("confirmed")
    assert [till.deliver(*confirmed) for _ in range(2)] == [False, True]
    till.deliver(*till.happen("paid_out"), *confirmed)
    assert till.row().status == "succeeded"
    assert till.order_status() == "paid"
    assert till.books() == HELD
    assert till.receipts() == [(till.at_gocardless["id"], AMOUNT, AMOUNT, None)]


def test_one_webhook_that_tells_the_whole_story(till: Till) -> None:
    till.authorise()
    events = till.happen("submitted", "confirmed", "paid_out")
    till.deliver(*reversed(events))
    assert {state for state, _ in till.inbox(*events)} == {"done"}
    assert till.books() == HELD


def test_money_is_found_by_asking_when_no_webhook_comes(till: Till) -> None:
    till.authorise()
    till.happen("submitted", "confirmed")
    till.now += dt.timedelta(hours=1)
    poll_payments(till.engine, limit=100, now=till.now, providers=till.providers)
    assert till.books() == HELD
    till.deliver(*till.happen("paid_out"))
    assert till.books() == HELD
    assert len(till.receipts()) == 1


@pytest.mark.parametrize("order", [*permutations(["confirmed", "failed", "late_failure_settled"])])
def test_a_late_failure_ends_the_same_whatever_is_told_first(
    till: Till, order: tuple[str, ...]
) -> None:
    till.authorise()
    told = {e["action"]: e for e in till.happen("confirmed", "failed", "late_failure_settled")}
    for action in order:
        till.deliver(told[action])
    assert {state for state, _ in till.inbox(*told.values())} == {"done"}
    assert till.row().status == "disputed"
    assert (till.books(), till.kinds()) == (TAKEN_OUT_AGAIN, LOST)


def test_a_failure_without_money_books_nothing(till: Till) -> None:
    till.authorise()
    till.deliver(*till.happen("submitted", "failed"))
    assert (till.row().status, till.row().failure_code) == ("failed", "payment_failed")
    assert till.books() == {}


@pytest.mark.parametrize("order", [*permutations(["confirmed", "charged_back", "END"])])
@pytest.mark.parametrize(
    ("end", "status"), [("chargeback_cancelled", "succeeded"), ("chargeback_settled", "disputed")]
)
def test_a_chargeback_ends_the_same_whatever_is_told_first(
    till: Till, order: tuple[str, ...], end: str, status: str
) -> None:
    till.authorise()
    told = {event["action"]: event for event in till.happen("confirmed", "charged_back", end)}
    for action in order:
        till.deliver(told[end if action == "END" else action])
    assert {state for state, _ in till.inbox(*told.values())} == {"done"}
    assert till.row().status == status
    if status == "succeeded":
        assert till.books() == HELD
    else:
        assert (till.books(), till.kinds()) == (TAKEN_OUT_AGAIN, LOST)


def test_a_refund_goes_out_and_comes_back(till: Till) -> None:
    till.authorise()
    till.deliver(*till.happen("confirmed"))
    row = till.row()
    made = till.adapter.create_refund(
        RefundRequest(
            refund_id="rfd_of_a_test",
            payment_id=row.id,
            provider_ref=str(row.provider_ref),
            amount=2_500,
            currency="GBP",
            reason=None,
            reference=str(row.bank_reference),
            idempotency_key=new_reference(),
        )
    )
    in_transaction(
        till.engine,
        lambda session: record_facts(session, [SourcedFact(made, "api:refund")], now=till.now),
    )
    refund = till.gocardless.books["refunds"][made.refund_ref]
    till.deliver(till.gocardless.happen("refunds", refund, "paid"))
    assert till.row().status == "partially_refunded"
    assert till.books() == {account: amount * 94 // 119 for account, amount in HELD.items()}
    till.deliver(till.gocardless.happen("refunds", refund, "funds_returned"))
    assert till.row().status == "succeeded"
    assert till.books() == HELD


def test_a_refund_made_elsewhere_is_set_aside_for_a_person(till: Till) -> None:
    till.authorise()
    till.deliver(*till.happen("confirmed"))
    elsewhere = {"id": "RF0ELSEWHERE", "metadata": {}}
    event = till.gocardless.happen("refunds", elsewhere, "paid")
    till.deliver(event)
    [(state, error)] = till.inbox(event)
    assert state != "done"
    assert "RF0ELSEWHERE was not made here" in str(error)
    assert till.books() == HELD


def test_what_the_payer_denies_at_the_bank_may_be_tried_again(till: Till) -> None:
    billing_request = till.open_page()
    page = till.gocardless.books["billing_requests"][billing_request]
    till.deliver(till.gocardless.happen("billing_requests", page, "bank_authorisation_denied"))
    assert (till.row().status, till.row().failure_code) == ("failed", "authorization_denied")
    till.at_gocardless = till.gocardless.authorise(billing_request)
    till.deliver(*till.happen("submitted", "confirmed"))
    assert till.books() == HELD


def test_a_page_nobody_used_is_closed_at_gocardless_when_its_time_is_over(till: Till) -> None:
    billing_request = till.open_page()
    till.now += dt.timedelta(hours=73)
    poll_payments(till.engine, limit=100, now=till.now, providers=till.providers)
    page = till.gocardless.books["billing_requests"][billing_request]
    assert (till.row().status, page["status"]) == ("expired", "cancelled")


def test_a_page_that_was_denied_is_closed_too_when_its_time_is_over(till: Till) -> None:
    billing_request = till.open_page()
    page = till.gocardless.books["billing_requests"][billing_request]
    till.deliver(till.gocardless.happen("billing_requests", page, "bank_authorisation_denied"))
    till.now += dt.timedelta(hours=73)
    poll_payments(till.engine, limit=100, now=till.now, providers=till.providers)
    assert (till.row().status, page["status"]) == ("expired", "cancelled")
