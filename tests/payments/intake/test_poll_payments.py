"""A payment that nobody told the end of is asked about, and given up when its payer has left."""

import io
from collections.abc import Mapping

import pytest
from sqlalchemy import update

from payments.database import transaction
from payments.errors import DeclinedError
from payments.intake.poll_payments import poll_payments
from payments.lifecycle.tables import Payment
from payments.log_lines import configure_log_lines
from payments.providers.stripe import intents
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import Line, stripe_at
from tests.payments.intake.counter import Counter
from tests.payments.shop import new_reference

DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"
THREE_D_SECURE = "pm_card_authenticationRequired"


def poll(counter: Counter, *, limit: int = 200) -> Mapping[str, int]:
    return poll_payments(
        counter.shop.engine, limit=limit, now=counter.now, providers=counter.providers
    )


@pytest.fixture(autouse=True)
def nothing_due(counter: Counter) -> None:
    """Have nothing to ask about that other tests left."""
    with transaction(counter.shop.engine) as session:
        session.execute(update(Payment).values(poll_at=None))


def pay_in_the_browser(counter: Counter, simulated: SimulatedStripe, payment_id: str) -> None:
    intents.confirm(
        stripe_at(simulated.url),
        provider_ref=counter.row(payment_id).provider_ref or "",
        payment_method="pm_card_visa",
        return_url=None,
        idempotency_key=new_reference(),
    )


def at_stripe(counter: Counter, simulated: SimulatedStripe, payment_id: str) -> str:
    ref = counter.row(payment_id).provider_ref or ""
    return intents.retrieve(stripe_at(simulated.url), provider_ref=ref).status


def test_a_success_that_no_webhook_told_is_seen(
    counter: Counter, simulated: SimulatedStripe
) -> None:
    payment = counter.start()
    pay_in_the_browser(counter, simulated, payment.id)
    assert poll(counter) == {}
    counter.wait(minutes=2)
    assert poll(counter) == {"final": 1}
    assert counter.history(payment.id)[-1] == ("succeeded", "poll")
    assert counter.row(payment.id).poll_at is None


def test_it_is_asked_ever_more_rarely_and_told_nothing_twice(counter: Counter) -> None:
    payment = counter.start()
    counter.confirm(payment.id, THREE_D_SECURE)
    steps = counter.history(payment.id)
    asked_after = []
    for minute in range(2, 8 * 60, 2):
        counter.wait(minutes=2)
        if poll(counter):
            asked_after.append(minute)
    assert asked_after == [2, 10, 30, 60, 180, 360]
    assert counter.history(payment.id) == steps
    assert counter.row(payment.id).polls == 6


@pytest.mark.parametrize("attempt", [None, DECLINED, THREE_D_SECURE])
def test_a_payment_that_was_left_expires_after_a_day(
    counter: Counter, simulated: SimulatedStripe, attempt: str | None
) -> None:
    payment = counter.start()
    if attempt == DECLINED:
        with pytest.raises(DeclinedError):
            counter.confirm(payment.id, attempt)
    elif attempt is not None:
        counter.confirm(payment.id, attempt)
    counter.wait(hours=23)
    assert poll(counter) == {"open": 1}
    counter.wait(hours=1)
    assert poll(counter) == {"given_up": 1}
    assert counter.row(payment.id).status == "expired"
    assert counter.row(payment.id).poll_at is None
    assert at_stripe(counter, simulated, payment.id) == "canceled"


def test_what_is_reserved_is_not_given_up(counter: Counter) -> None:
    payment = counter.start(capture="manual")
    counter.confirm(payment.id)
    counter.wait(hours=30)
    assert poll(counter) == {"open": 1}
    assert counter.row(payment.id).status == "processing"


def test_a_newer_payment_takes_the_older_ones_place(
    counter: Counter, simulated: SimulatedStripe
) -> None:
    order = counter.shop.order()
    older, newer = counter.start(order), counter.start(order)
    assert poll(counter) == {"given_up": 1}
    assert counter.row(older.id).status == "canceled"
    assert at_stripe(counter, simulated, older.id) == "canceled"
    assert counter.confirm(newer.id).resource.status == "succeeded"


def test_a_payment_paid_just_before_it_was_given_up_is_recorded_truthfully(
    counter: Counter, simulated: SimulatedStripe
) -> None:
    order = counter.shop.order()
    older, newer = counter.start(order), counter.start(order)
    pay_in_the_browser(counter, simulated, older.id)
    counter.confirm(newer.id)
    poll(counter)
    assert counter.row(older.id).status == "succeeded"
    assert counter.row(newer.id).status == "succeeded"


def test_a_payment_paid_while_it_is_being_given_up_is_seen_by_the_next_poll(
    counter: Counter, simulated: SimulatedStripe, line: Line
) -> None:
    payment = counter.start()
    counter.wait(hours=24)
    line.when_called = lambda: pay_in_the_browser(counter, simulated, payment.id)
    assert poll(counter) == {"went_on": 1}
    counter.wait(minutes=1)
    assert poll(counter) == {"final": 1}
    assert counter.row(payment.id).status == "succeeded"


def test_while_stripe_is_down_the_rest_waits(counter: Counter, line: Line) -> None:
    for _ in range(5):
        counter.start()
    counter.wait(minutes=2)
    line.lookups_fail = True
    assert poll(counter) == {"no_answer": 3}
    line.lookups_fail = False
    assert poll(counter) == {"open": 2}
    counter.wait(minutes=1)
    assert poll(counter) == {"open": 3}


def test_one_that_cannot_be_asked_about_does_not_stop_the_others(counter: Counter) -> None:
    configure_log_lines("INFO", stream=io.StringIO())
    broken, _ = counter.start(), counter.start()
    counter.let_stripe_forget(broken.id)
    counter.wait(minutes=2)
    assert poll(counter) == {"failed": 1, "open": 1}


def test_one_run_does_a_bounded_part(counter: Counter) -> None:
    for _ in range(3):
        counter.start()
    counter.wait(minutes=2)
    assert [poll(counter, limit=2), poll(counter, limit=2)] == [{"open": 2}, {"open": 1}]
