"""Our books follow Stripe's own, through everything that happens there."""

import datetime as dt

import pytest

from payments.database import transaction
from payments.errors import ConflictError, UnavailableError
from payments.providers.stripe import balance
from payments.providers.stripe.balance import Page
from payments.settlement import sync_balance as reading
from payments.settlement.read_settlement import settlement_of
from payments.settlement.sync_balance import Cursor, read_cursor, sync_balance
from payments.settlement.tables import Payout
from tests.conditions import wait_until
from tests.payments.conftest import stripe_at
from tests.payments.settlement.stripe_account import StripeAccount

TWO_DAYS_S = 2 * 24 * 3600
FEES = "expenses:processing:stripe USD"


def test_a_charge_its_fee_and_its_day(account: StripeAccount) -> None:
    payment = account.pay(10_000)
    account.hear()
    synced = account.sync()
    assert (synced.stored, synced.matched, synced.is_complete) == (1, 1, True)
    account.assert_books_equal()
    assert account.compare().stripe.pending == 10_000 - 175
    assert account.sync().stored == 0

    account.turn("clock", advance_s=TWO_DAYS_S)
    assert account.sync().settled == 1
    assert account.settle() == 0
    account.assert_books_equal()
    assert account.compare().stripe.available == 10_000 - 175
    with transaction(account.books.shop.engine) as session:
        settlement = settlement_of(session, payment.id)
    assert (settlement.fees, settlement.net) == ({"USD": 175}, {"USD": 9_825})
    assert [moved.is_available for moved in settlement.transactions] == [True]


def test_the_balance_transaction_may_be_read_before_the_event(account: StripeAccount) -> None:
    account.pay(10_000)
    assert account.sync().matched == 0
    account.hear()
    assert account.sync().matched == 1
    account.assert_books_equal()


def test_refunds_now_later_and_failing(account: StripeAccount) -> None:
    for card in ("pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail"):
        payment = account.pay(10_000, card=card)
        account.client.v1.refunds.create({"charge": account.charge_of(payment), "amount": 4_000})
        account.hear()
        account.sync()

    def is_over() -> bool:
        found = account.client.v1.refunds.list({"limit": 100}).data
        return sorted(str(refund.status) for refund in found) == [
            "failed",
            "succeeded",
            "succeeded",
        ]

    wait_until(is_over)
    account.hear()
    account.sync()
    account.assert_books_equal()


def test_disputes_won_and_lost_after_a_refund(account: StripeAccount) -> None:
    won, lost = account.pay(10_000), account.pay(8_000)
    disputes = [
        account.turn("disputes", charge=account.charge_of(payment)) for payment in (won, lost)
    ]
    account.hear()
    account.sync()
    account.assert_books_equal()
    account.turn(f"disputes/{disputes[0]['id']}", status="won")
    account.turn(f"disputes/{disputes[1]['id']}", status="lost")
    account.hear()
    account.sync()
    account.assert_books_equal()


def test_a_payout_arrives_and_says_what_was_in_it(account: StripeAccount) -> None:
    payment = account.pay(10_000, card="pm_card_bypassPending")
    account.hear()
    account.sync()
    sent = account.turn("payouts", currency="usd")
    account.sync()
    account.assert_books_equal()
    assert account.books.balances() == {FEES: 175, "assets:bank:clearing USD": 9_825}

    wait_until(lambda: account.client.v1.payouts.retrieve(sent["id"]).status == "paid")
    wait_until(lambda: account.follow() >= 0 and payout(account, sent["id"]).itemized)
    assert payout(account, sent["id"]).status == "paid"
    with transaction(account.books.shop.engine) as session:
        [moved] = settlement_of(session, payment.id).transactions
    assert moved.payout is not None
    assert (moved.payout.provider_ref, moved.payout.status) == (sent["id"], "paid")


def payout(account: StripeAccount, ref: str) -> Payout:
    with transaction(account.books.shop.engine) as session:
        return session.query(Payout).filter_by(provider_ref=ref).one()


def test_a_payout_that_was_paid_comes_back(account: StripeAccount) -> None:
    account.charge(10_000, card="pm_card_bypassPending")
    account.sync()
    sent = account.turn("payouts", currency="usd")
    account.sync()
    account.turn(f"payouts/{sent['id']}/fail", failure_code="account_closed")
    account.sync()
    account.follow()
    assert payout(account, sent["id"]).status == "failed"
    assert payout(account, sent["id"]).failure_code == "account_closed"
    assert "assets:bank:clearing USD" not in account.books.balances()
    account.assert_books_equal()


def test_money_nobody_here_knows_of_is_in_suspense_and_the_sums_agree(
    account: StripeAccount,
) -> None:
    charge = account.charge(5_000)
    account.client.v1.refunds.create({"charge": charge, "amount": 1_000})
    account.hear()
    account.sync()
    assert account.books.balances()["assets:suspense:stripe USD"] == -4_000
    account.assert_books_equal()


def test_a_long_list_is_walked_in_several_runs(
    account: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGES", 1)
    monkeypatch.setattr(balance, "PAGE", 2)
    for _ in range(5):
        account.charge(1_000)
    runs = [account.sync(), account.sync()]
    assert [(run.booked, run.is_complete) for run in runs] == [(2, False), (2, False)]
    assert read_cursor(account.books.shop.engine).synced_to is None
    account.charge(700)  # while the walk goes on below
    assert (account.sync().stored, read_cursor(account.books.shop.engine).walk_after) == (1, None)
    while not account.sync().is_complete:
        pass
    account.assert_books_equal()


def test_the_cursor_keeps_an_overlap_and_never_goes_back() -> None:
    at = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
    cursor = Cursor(at)
    assert cursor.since == at - dt.timedelta(minutes=10)
    assert cursor.after_page(Page([], has_more=False)) == cursor


def test_what_was_read_before_stripe_went_away_is_booked(account: StripeAccount) -> None:
    account.charge(1_000)
    account.turn(
        "faults",
        "PUT",
        rules=[{"fault": "answer", "status": 503, "method": "GET", "path": "/v1/*"}],
    )
    with pytest.raises(UnavailableError, match="503"):
        account.sync()
    account.turn("faults", "PUT")
    assert account.sync().stored == 1
    account.assert_books_equal()


def test_nobody_there_and_a_wrong_key_are_told_apart(account: StripeAccount) -> None:
    engine = account.books.shop.engine
    with pytest.raises(UnavailableError):
        sync_balance(engine, stripe=stripe_at("http://127.0.0.1:9"), now=account.now)
    stranger = stripe_at(account.simulated.url, "sk_test_sandbox_other")
    with pytest.raises(ConflictError):
        sync_balance(engine, stripe=stranger, now=account.now)
