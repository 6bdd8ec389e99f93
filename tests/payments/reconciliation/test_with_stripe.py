"""Stripe in a run: its payouts on our bank's statements, its balance and transactions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from payments.database import transaction
from payments.settlement.tables import Payout
from tests.conditions import wait_until
from tests.payments.reconciliation.desk import Desk, money_in
from tests.payments.settlement.stripe_account import StripeAccount, open_account
from tests.payments.settlement.stripe_books import Books, charge_of, moved

TWO_DAYS_S = 2 * 24 * 3600


@pytest.fixture
def account(desk: Desk, tmp_path: Path) -> Iterator[StripeAccount]:
    with open_account(Books(desk.shop), tmp_path) as account:
        desk.stripe = account.client
        yield account


def paid_out(desk: Desk, account: StripeAccount) -> Payout:
    """Return the payout of a payment, which has arrived."""
    account.pay(10_000)
    account.hear()
    account.turn("clock", advance_s=TWO_DAYS_S)
    account.sync()
    account.settle()
    account.turn("payouts", amount=9_000, currency="usd")
    account.sync()
    account.turn("clock", advance_s=TWO_DAYS_S)
    [payout] = account.client.v1.payouts.list().data  # which arrives in a thread of its own
    wait_until(lambda: account.client.v1.payouts.retrieve(payout.id).status == "paid")
    account.sync()
    account.follow()
    account.settle()
    desk.now = account.now
    with transaction(desk.engine) as session:
        return session.query(Payout).one()


def test_a_payout_is_matched_with_its_line_by_stripes_reference(
    desk: Desk, account: StripeAccount
) -> None:
    payout = paid_out(desk, account)
    desk.run()
    [expectation] = desk.expectations()
    assert (expectation.kind, expectation.amount) == ("settlement.paid_out", payout.amount)
    assert expectation.provider_ref in (payout.trace_ref, payout.provider_ref)
    assert expectation.occurred_on == payout.arrival_date
    [line_id] = desk.statement(
        money_in(payout.amount, "STRIPE PAYOUT", end_to_end_id=payout.trace_ref, currency="USD"),
        account="usd",
        from_date=desk.now.date(),
        currency="USD",
    )
    figures = desk.run()
    assert desk.line(line_id).state == "matched"
    assert [match.rule for match in desk.matches(line_id)] == ["provider_id"]
    assert desk.balance("assets:bank:clearing", "USD") == 0
    assert desk.balance("assets:bank:usd", "USD") == payout.amount
    assert figures["findings_open"] == 0


def test_what_stripe_has_otherwise_than_our_books_is_found(
    desk: Desk, account: StripeAccount
) -> None:
    account.charge(1_000)
    account.sync()
    desk.now = account.now
    assert desk.run()["findings_open"] == 0
    account.books.store(moved("topup", 700))  # Stripe knows nothing of this
    account.books.book()
    desk.run()
    [found] = desk.findings().values()
    assert (found.kind, found.currency) == ("balance_drift", "USD")
    assert (found.expected or 0) - (found.amount or 0) == 700


def test_a_stripe_that_is_away_leaves_its_findings_as_they_are(
    desk: Desk, account: StripeAccount
) -> None:
    account.books.store(moved("topup", 700))
    account.books.book()
    desk.now = account.now
    desk.run()
    account.simulated.stop()
    with pytest.raises(requests.ConnectionError):
        account.turn("moments", "PUT", moment_s=1)
    figures = desk.run()
    assert (figures["providers_silent"], figures["findings_open"]) == (1, 1)


def test_movements_at_stripe_that_no_payment_was_told_of_are_found(desk: Desk) -> None:
    books = Books(desk.shop)
    payment = books.payment()
    books.store(charge_of(payment))
    books.book()
    desk.run()
    assert desk.findings() == {}
    desk.now = desk.now.replace(hour=23)
    desk.run()
    [found] = desk.findings().values()
    assert (found.kind, found.amount) == ("missing_in_ledger", 10_000)
    books.charged(payment)
    books.match()
    assert desk.run()["findings_open"] == 0
