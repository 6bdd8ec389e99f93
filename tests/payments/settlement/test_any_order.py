"""Whatever happens at Stripe, however late we look: both books agree but for what is in flight."""

import contextlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.payments.settlement.stripe_account import StripeAccount

STEPS = 40
DAY_S = 86_400


class Days:
    """Seeded days at Stripe: what people do there, mixed with what we do here."""

    def __init__(self, account: StripeAccount, *, seed: int) -> None:
        self.account = account
        self.random = random.Random(seed)
        self.charges: list[str] = []
        self.disputes: list[str] = []
        self.payouts: list[str] = []

    def step(self) -> None:
        there: list[Callable[[], object]] = [
            self.pay, self.pay, self.pay_outside, self.refund, self.refund, self.dispute,
            self.decide, self.pay_out, self.fail_payout, self.a_day_passes,
        ]  # fmt: skip
        here: list[Callable[[], object]] = [
            self.account.hear, self.account.sync, self.account.sync, self.account.settle,
            self.account.follow,
        ]  # fmt: skip
        self.random.choice(self.random.choice([there, here]))()

    def pay(self) -> None:
        card = self.random.choice(["pm_card_visa", "pm_card_bypassPending", "pm_card_refundFail"])
        payment = self.account.pay(self.random.randrange(1_000, 20_000), card=card)
        self.charges.append(self.account.charge_of(payment))

    def pay_outside(self) -> None:
        self.charges.append(self.account.charge(self.random.randrange(1_000, 20_000)))

    def refund(self) -> None:
        if self.charges:
            wanted = self.random.randrange(100, 5_000)
            with contextlib.suppress(stripe.InvalidRequestError):  # it is more than is left
                self.account.client.v1.refunds.create(
                    {"charge": self.random.choice(self.charges), "amount": wanted}
                )

    def dispute(self) -> None:
        if self.charges:
            charge = self.charges.pop(self.random.randrange(len(self.charges)))
            self.disputes.append(self.account.turn("disputes", charge=charge)["id"])

    def decide(self) -> None:
        if self.disputes:
            dispute = self.disputes.pop()
            self.account.turn(f"disputes/{dispute}", status=self.random.choice(["won", "lost"]))

    def pay_out(self) -> None:
        available = self.account.compare().stripe.available
        if available > 0:
            self.payouts.append(self.account.turn("payouts", currency="usd")["id"])

    def fail_payout(self) -> None:
        if self.payouts:
            self.account.turn(f"payouts/{self.payouts.pop()}/fail")

    def a_day_passes(self) -> None:
        self.account.turn("clock", advance_s=DAY_S)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_ends_with_equal_books(account: StripeAccount, seed: int) -> None:
    days = Days(account, seed=seed)
    for _ in range(STEPS):
        days.step()
        comparison = account.compare()
        assert comparison.agrees, comparison
    account.turn("clock", advance_s=30 * DAY_S)  # what Stripe put off happens now
    for _ in range(2):
        account.hear()
        account.sync()
    account.assert_books_equal()
    assert (
        account.books.balances()["assets:stripe:available USD"]
        == account.compare().stripe.available
    )


def test_two_syncs_at_once_do_the_work_of_one(account: StripeAccount) -> None:
    for _ in range(6):
        account.pay(5_000)
    account.hear()
    with ThreadPoolExecutor(3) as workers:
        done = list(workers.map(lambda _: account.sync(), range(3)))
    assert sum(synced.stored for synced in done) == 6
    account.sync()
    account.assert_books_equal()
