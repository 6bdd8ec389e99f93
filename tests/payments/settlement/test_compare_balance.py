"""What differs between Stripe's books and ours is named, and what is in flight is no finding."""

from payments.providers.facts import ChargeSucceeded
from payments.providers.stripe.balance import Balance
from tests.payments.settlement.stripe_account import StripeAccount
from tests.payments.settlement.stripe_books import moved

NET = 10_000 - 175


def reasons(account: StripeAccount) -> list[str]:
    comparison = account.compare()
    assert comparison.agrees, comparison
    return sorted(known.reason for known in comparison.in_flight)


def test_everything_in_flight_is_said_and_explains_the_drift(account: StripeAccount) -> None:
    account.pay(10_000)
    assert reasons(account) == ["not read yet"]
    assert account.compare().drift == Balance(pending=NET)
    account.sync()
    assert reasons(account) == ["payment event awaited"]
    assert account.compare().drift == Balance(pending=10_000)
    account.hear()
    account.sync()
    assert reasons(account) == []
    account.turn("clock", advance_s=2 * 24 * 3600)
    assert reasons(account) == ["becoming available"]
    assert account.compare().drift == Balance(pending=-NET, available=NET)
    account.sync()
    assert reasons(account) == []


def test_an_event_heard_before_its_balance_transaction_is_in_flight(
    account: StripeAccount,
) -> None:
    account.pay(10_000)
    account.hear()
    assert reasons(account) == ["balance transaction awaited", "not read yet"]
    assert account.compare().drift == Balance(pending=-175)


def test_a_transaction_that_cannot_be_booked_explains_what_is_missing(
    account: StripeAccount,
) -> None:
    account.charge(10_000)
    account.sync()
    account.books.store(moved("topup", 700, net=600))
    account.books.book()
    comparison = account.compare()
    assert [known.reason for known in comparison.in_flight] == ["not booked"]
    assert comparison.unexplained == Balance(pending=-600)  # our own invention, not Stripe's


def test_a_charge_booked_that_stripe_never_made_stays_in_flight_with_its_age(
    account: StripeAccount,
) -> None:
    payment = account.books.payment(10_000)
    account.books.tell(
        ChargeSucceeded(
            provider="stripe",
            provider_ref=payment.provider_ref,
            payment_id=payment.id,
            occurred_at=account.now,
            amount=10_000,
            currency="USD",
        )
    )
    [known] = account.compare().in_flight
    assert (known.reason, known.transactions) == ("balance transaction awaited", 1)
    assert (known.pending, known.available) == (-10_000, 0)
    assert account.compare().drift == Balance(pending=-10_000)
