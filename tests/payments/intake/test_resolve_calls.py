"""What became of a call nobody heard back from is found out by looking, and nothing is repeated."""

import datetime as dt
from collections.abc import Mapping

import pytest
from sqlalchemy import update

from payments.calls.open_calls import resume
from payments.calls.tables import ProviderCall
from payments.database import transaction
from payments.errors import DeclinedError, InProgressError, UnavailableError
from payments.idempotency import IdempotencyKey
from payments.intake.resolve_calls import resolve_calls
from payments.pending.request_ask import ask_about_payment
from payments.providers.stripe.client import StripeClient
from tests.payments.conftest import Line
from tests.payments.intake.counter import Counter
from tests.payments.shop import CIPHER, SERVICE, new_reference

DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"


def look(counter: Counter, *, limit: int = 50) -> Mapping[str, int]:
    return resolve_calls(
        counter.shop.engine,
        limit=limit,
        now=counter.now,
        cipher=CIPHER,
        providers=counter.providers,
    )


@pytest.fixture(autouse=True)
def nothing_due(counter: Counter) -> None:
    """Have nothing to look up that other tests left."""
    with transaction(counter.shop.engine) as session:
        session.execute(update(ProviderCall).values(due_at=None))


def lose(counter: Counter, line: Line, payment_id: str, card: str, fault: str) -> str:
    """Confirm without hearing the answer; return the reference."""
    reference = new_reference()
    line.fault = fault
    with pytest.raises(UnavailableError):
        counter.confirm(payment_id, card, reference=reference)
    line.fault = None
    return reference


def ask_now(counter: Counter, payment_id: str) -> None:
    """What an operator does who does not want to wait."""
    with transaction(counter.shop.engine) as session:
        ask_about_payment(
            session,
            caller=SERVICE,
            reference=new_reference(),
            payment_id=payment_id,
            providers=["stripe"],
            now=counter.now,
            request_id=None,
        )


def key_of(counter: Counter, reference: str) -> IdempotencyKey:
    name = (SERVICE.principal, "payments.confirm", reference)
    with transaction(counter.shop.engine) as session:
        return session.get_one(IdempotencyKey, name)


def test_a_charge_nobody_heard_of_is_seen_after_a_minute(counter: Counter, line: Line) -> None:
    payment = counter.start()
    reference = lose(counter, line, payment.id, "pm_card_visa", "lost_answer")
    posts = len(line.keys)
    assert look(counter) == {}
    counter.wait(minutes=1)
    assert look(counter) == {"done": 1}
    assert counter.row(payment.id).status == "succeeded"
    assert counter.history(payment.id)[-1] == ("succeeded", "poll")
    assert counter.confirm(payment.id, reference=reference).replayed
    assert len(line.keys) == posts  # looked up, not charged again
    assert look(counter) == {}


def test_a_decline_nobody_heard_of_is_that_references_answer(counter: Counter, line: Line) -> None:
    payment = counter.start()
    reference = lose(counter, line, payment.id, DECLINED, "lost_answer")
    counter.wait(minutes=1)
    assert look(counter) == {"declined": 1}
    assert counter.row(payment.id).stripe_code == "insufficient_funds"
    with pytest.raises(DeclinedError) as caught:
        counter.confirm(payment.id, DECLINED, reference=reference)
    assert caught.value.stripe_code == "insufficient_funds"


def test_what_never_reached_stripe_gives_the_reference_back_when_that_is_sure(
    counter: Counter, line: Line
) -> None:
    payment = counter.start()
    reference = lose(counter, line, payment.id, "pm_card_visa", "no_line")
    counter.wait(minutes=1)
    assert look(counter) == {"still_unknown": 1}
    with pytest.raises(InProgressError):
        counter.confirm(payment.id)
    counter.wait(minutes=4)
    assert look(counter) == {}
    counter.wait(minutes=1)
    assert look(counter) == {"refused": 1}
    assert counter.calls(payment.id, "confirm")[0].state == "refused"
    assert key_of(counter, reference).resource_id is None
    assert counter.confirm(payment.id, reference=reference).resource.status == "succeeded"


def test_who_has_it_looked_up_twice_in_a_row_does_not_make_it_count_as_lost(
    counter: Counter, line: Line
) -> None:
    payment = counter.start()
    reference = lose(counter, line, payment.id, "pm_card_visa", "no_line")
    ask_now(counter, payment.id)
    assert look(counter) == {"still_unknown": 1}
    counter.wait(seconds=10)
    ask_now(counter, payment.id)
    assert look(counter) == {}, "by a second look it would be refused, and may be on its way"
    counter.wait(minutes=5)
    assert look(counter) == {"refused": 1}
    assert counter.confirm(payment.id, reference=reference).resource.status == "succeeded"


def test_what_its_caller_asks_for_again_just_now_is_left_to_them(
    counter: Counter, line: Line
) -> None:
    payment = counter.start()
    lose(counter, line, payment.id, "pm_card_visa", "no_line")
    [call] = counter.calls(payment.id, "confirm")
    with transaction(counter.shop.engine) as session:
        resume(session.get_one(ProviderCall, call.id), now=counter.now)
    ask_now(counter, payment.id)
    assert look(counter) == {}


def test_while_stripe_is_down_the_rest_waits_and_nothing_is_given_up(
    counter: Counter, line: Line
) -> None:
    payments = [counter.start() for _ in range(5)]
    for payment in payments:
        lose(counter, line, payment.id, "pm_card_visa", "lost_answer")
    line.lookups_fail = True
    for _ in range(4):
        counter.wait(minutes=1)
        assert look(counter) == {"no_answer": 3}
    line.lookups_fail = False
    counter.wait(minutes=1)
    assert look(counter) == {"done": 5}


def test_one_run_does_a_bounded_part(counter: Counter, line: Line) -> None:
    for _ in range(3):
        lose(counter, line, counter.start().id, "pm_card_visa", "lost_answer")
    counter.wait(minutes=1)
    assert [look(counter, limit=2), look(counter, limit=2)] == [{"done": 2}, {"done": 1}]


def test_a_payment_that_cannot_be_looked_up_does_not_stop_the_others(
    counter: Counter, line: Line
) -> None:
    broken, payment = counter.start(), counter.start()
    lose(counter, line, broken.id, "pm_card_visa", "no_line")
    lose(counter, line, payment.id, "pm_card_visa", "lost_answer")
    counter.let_stripe_forget(broken.id)
    counter.wait(minutes=1)
    assert look(counter) == {"failed": 1, "done": 1}


def test_a_payment_whose_start_nobody_heard_of_is_started(counter: Counter, line: Line) -> None:
    order = counter.shop.order()
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        counter.start(order)
    line.fault = None
    counter.wait(minutes=1)
    assert look(counter) == {"done": 1}
    assert len(set(line.keys)) == 1
    assert counter.start(order).status == "created"


def test_a_capture_and_a_cancellation_are_looked_up_too(counter: Counter, line: Line) -> None:
    captured, canceled = counter.start(capture="manual"), counter.start()
    counter.confirm(captured.id)
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        counter.capture(captured.id, 4_000)
    with pytest.raises(UnavailableError):
        counter.cancel(canceled.id)
    line.fault = None
    counter.wait(minutes=1)
    assert look(counter) == {"done": 2}
    row = counter.row(captured.id)
    assert (row.status, row.amount_captured) == ("succeeded", 4_000)
    assert counter.row(canceled.id).status == "canceled"


class KilledError(BaseException):
    """Stands for a process that ends in the middle of the call."""


class DyingClient:
    @property
    def v1(self) -> object:
        raise KilledError


def test_a_process_that_died_before_the_call_leaves_nothing_locked(
    counter: Counter, stripe: StripeClient
) -> None:
    payment, reference = counter.start(), new_reference()
    counter.stripe = DyingClient()  # type: ignore[assignment] # stands for a process that dies
    with pytest.raises(KilledError):
        counter.confirm(payment.id, reference=reference)
    counter.stripe = stripe
    counter.wait(seconds=30)
    assert look(counter) == {"still_unknown": 1}
    counter.wait(minutes=5)
    assert look(counter) == {"refused": 1}
    assert counter.confirm(payment.id, reference=reference).resource.status == "succeeded"


def test_a_caller_that_asks_again_is_not_overtaken(counter: Counter, line: Line) -> None:
    payment = counter.start()
    reference = lose(counter, line, payment.id, "pm_card_visa", "no_line")
    counter.wait(minutes=6)
    looks: list[Mapping[str, int]] = []
    line.when_called = lambda: looks.append(look(counter))
    assert counter.confirm(payment.id, reference=reference).resource.status == "succeeded"
    assert looks == [{}]
    assert counter.now - dt.timedelta(minutes=6) < counter.row(payment.id).updated_at
