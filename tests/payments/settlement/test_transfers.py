"""Transfers to sellers: our books follow Stripe's through payouts and what comes back of them."""

import datetime as dt

import pytest

from payments.database import transaction
from payments.lifecycle.tables import Payment
from payments.payouts.make_payout import begin_attempt
from payments.providers.connect import Providers
from payments.settlement.read_settlement import settlement_of
from tests.payments.payouts.sellers import Sellers
from tests.payments.settlement.stripe_account import StripeAccount
from tests.payments.shop import CIPHER

TWO_DAYS_S = 2 * 24 * 3600
SUSPENSE = "assets:suspense:stripe USD"
# What `StripeAccount.pay` makes is an order of which the platform keeps a twentieth.
PAID, SELLERS_PART, FEE = 10_000, 9_500, 175


@pytest.fixture
def sellers(account: StripeAccount) -> Sellers:
    sellers = Sellers(
        account.books.shop, Providers(account.client, banks={}), account.simulated.url
    )
    sellers.connected_account()
    return sellers


def paid(account: StripeAccount, sellers: Sellers) -> Payment:
    payment = account.pay(PAID)
    account.hear()
    sellers.now = account.now + dt.timedelta(seconds=1)
    with transaction(account.books.shop.engine) as session:
        return session.get_one(Payment, payment.id)


def test_a_transfer_of_pending_money_becomes_available_with_it(
    account: StripeAccount, sellers: Sellers
) -> None:
    payment = paid(account, sellers)
    payout_id = sellers.release(payment)
    sellers.pay()
    assert sellers.standing(payout_id) == ("paid", None)
    comparison = account.compare()  # before anything of it was read
    assert comparison.agrees, comparison.in_flight
    assert account.sync().matched == 2
    account.assert_books_equal()
    assert account.compare().stripe.pending == PAID - FEE - SELLERS_PART
    account.turn("clock", advance_s=TWO_DAYS_S)
    account.sync()
    account.assert_books_equal()
    assert account.compare().stripe.available == PAID - FEE - SELLERS_PART
    assert SUSPENSE not in account.books.balances()
    with transaction(account.books.shop.engine) as session:
        assert settlement_of(session, payment.id).net == {"USD": PAID - FEE - SELLERS_PART}
    sellers.assert_invariants()


def test_a_transfer_may_be_read_before_its_answer_is_recorded(
    account: StripeAccount, sellers: Sellers
) -> None:
    payment = paid(account, sellers)
    payout_id = sellers.release(payment)
    with transaction(account.books.shop.engine) as session:
        begun = begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now)
    assert begun is not None
    account.client.v1.transfers.create(
        {
            "amount": SELLERS_PART,
            "currency": "usd",
            "destination": begun.request.account or "",
            "source_transaction": account.charge_of(payment),
            "metadata": {"payout_id": payout_id, "attempt": "1"},
        },
        {"idempotency_key": payout_id},
    )
    account.sync()
    assert SUSPENSE not in account.books.balances()
    comparison = account.compare()
    assert comparison.agrees, comparison
    sellers.wait(minutes=2)
    assert sellers.pay()["seen"] == 1
    assert account.sync().matched == 1
    account.assert_books_equal()


def test_a_reversal_is_learnt_from_the_balance_and_booked_once(
    account: StripeAccount, sellers: Sellers
) -> None:
    payout_id = sellers.release(paid(account, sellers))
    sellers.pay()
    account.sync()
    [attempt] = sellers.attempts(payout_id)
    account.turn(f"transfers/{attempt.provider_ref}/reverse", amount=500)
    account.turn(f"transfers/{attempt.provider_ref}/reverse", amount=9_000)
    account.sync()
    assert SUSPENSE not in account.books.balances()
    account.turn("clock", advance_s=3_600)  # nobody has told: after a while it is asked about
    account.sync()
    sellers.now = account.now
    assert sellers.pay()["seen"] == 1
    assert sellers.standing(payout_id) == ("failed", "returned")
    assert sellers.owed("USD") == (SELLERS_PART, SELLERS_PART)
    assert account.sync().matched == 2
    account.assert_books_equal()
    sellers.assert_invariants()

    sellers.retry(payout_id)
    sellers.pay()
    account.sync()
    account.assert_books_equal()
    assert sellers.standing(payout_id) == ("paid", None)


def test_a_transfer_that_is_none_of_our_payouts_waits_in_suspense(account: StripeAccount) -> None:
    account.charge(PAID, card="pm_card_bypassPending")
    account.sync()
    destination = account.client.v1.accounts.create({"type": "express"}).id
    account.client.v1.transfers.create(
        {
            "amount": 700,
            "currency": "usd",
            "destination": destination,
            "metadata": {"payout_id": "pyo_of_somebody_else"},
        }
    )
    account.sync()
    assert account.books.balances()[SUSPENSE] == 700 - PAID
    account.assert_books_equal()
