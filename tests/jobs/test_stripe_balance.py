"""The jobs that keep our books at Stripe: they do their work when run, and wait for Stripe."""

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from jobs.compare_stripe_balance import compare_stripe_balance
from jobs.context import JobContext, connect_context
from jobs.registry import find_job
from jobs.settle_available import settle_available
from jobs.sync_stripe_balance import sync_stripe_balance
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.providers.connect import Providers
from payments.providers.stripe import balance
from payments.settlement import sync_balance, wake_up
from tests.jobs.environment import make_settings, owner_of
from tests.payments.settlement.stripe_account import StripeAccount, open_account
from tests.payments.settlement.stripe_books import Books, moved
from tests.payments.shop import NOW, open_shop

TWO_DAYS_S = 2 * 24 * 3600


@pytest.fixture
def without_stripe(fresh_database_url: str, redis_url: str) -> Iterator[JobContext]:
    made = connect_context(make_settings(database_url=fresh_database_url, redis_url=redis_url))
    yield made
    made.engine.dispose()
    made.bell.close()


@pytest.fixture
def account(without_stripe: JobContext, tmp_path: Path) -> Iterator[StripeAccount]:
    books = Books(open_shop(owner_of(without_stripe.engine)))
    with open_account(books, tmp_path) as account:
        yield account


@pytest.fixture
def context(without_stripe: JobContext, account: StripeAccount) -> JobContext:
    providers = Providers(stripe=account.client, banks={})
    return dataclasses.replace(without_stripe, providers=providers, clock=lambda: account.now)


def waiting(context: JobContext) -> list[str]:
    with transaction(context.engine) as session:
        return list(session.scalars(select(OutboxRow.job).filter_by(state="waiting")))


def test_a_sync_books_what_moved_and_says_so(context: JobContext, account: StripeAccount) -> None:
    account.pay()
    account.hear()
    figures = sync_stripe_balance(context, {})
    assert {name: figures[name] for name in ("stored", "booked", "matched")} == {
        "stored": 1,
        "booked": 1,
        "matched": 1,
    }
    account.assert_books_equal()
    assert not any(sync_stripe_balance(context, {}).values())


def test_what_is_left_of_a_long_list_wakes_the_job_again(
    context: JobContext, account: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_balance, "PAGES", 1)
    monkeypatch.setattr(balance, "PAGE", 1)
    account.charge(1_000)
    account.charge(2_000)
    sync_stripe_balance(context, {})
    assert waiting(context) == [wake_up.JOB]


def test_available_money_is_settled_without_asking_stripe(
    context: JobContext, without_stripe: JobContext, account: StripeAccount
) -> None:
    account.charge(1_000)
    sync_stripe_balance(context, {})
    account.turn("clock", advance_s=TWO_DAYS_S)
    offline = dataclasses.replace(without_stripe, clock=lambda: account.now)
    assert settle_available(offline, {}) == {"settled": 1}
    assert settle_available(offline, {}) == {"settled": 0}
    account.assert_books_equal()


def test_stripe_being_away_is_no_failure(
    without_stripe: JobContext, log_lines: io.StringIO
) -> None:
    assert sync_stripe_balance(without_stripe, {}) == {}
    assert compare_stripe_balance(without_stripe, {}) == {}
    assert log_lines.getvalue().count("Stripe did not answer") == 2


def test_the_comparison_is_loud_about_what_nothing_explains(
    context: JobContext, account: StripeAccount, log_lines: io.StringIO
) -> None:
    account.charge(1_000)
    sync_stripe_balance(context, {})
    assert compare_stripe_balance(context, {}) == {"differing": 0, "stale": 0}
    account.books.store(moved("topup", 700))  # Stripe knows nothing of this
    account.books.book()
    assert compare_stripe_balance(context, {})["differing"] == 1
    assert "stripe_balance_differs" in log_lines.getvalue()


def test_events_wake_the_sync_once_and_soon(context: JobContext) -> None:
    for type_ in ("charge.refunded", "payout.paid", "payment_intent.succeeded"):
        assert wake_up.changes_balance(type_)
    assert not wake_up.changes_balance("payment_intent.created")
    with transaction(context.engine) as session:
        wake_up.wake_up(session, now=NOW)
        wake_up.wake_up(session, now=NOW)
        [row] = session.scalars(select(OutboxRow))
    assert (row.job, row.due_at) == (wake_up.JOB, NOW + wake_up.SOON)
    assert find_job(wake_up.JOB).run is sync_stripe_balance
