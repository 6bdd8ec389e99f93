"""A payment is given up, or what is reserved for it taken, once per reference."""

import pytest

from payments.access.caller import Caller, Role
from payments.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
)
from payments.providers.stripe import intents
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import Line, stripe_at
from tests.payments.intake.counter import Counter
from tests.payments.shop import new_party, new_reference, person

SUPPORT = Caller(principal="key:support", role=Role.SUPPORT)


def test_a_canceled_payment_cannot_be_paid_any_more(
    counter: Counter, simulated: SimulatedStripe
) -> None:
    payment, reference = counter.start(), new_reference()
    first = counter.cancel(payment.id, caller=counter.shop.buyer, reference=reference)
    assert (first.replayed, first.resource.status) == (False, "canceled")
    assert counter.cancel(payment.id, caller=counter.shop.buyer, reference=reference).replayed
    at_stripe = intents.retrieve(
        stripe_at(simulated.url), provider_ref=counter.row(payment.id).provider_ref or ""
    )
    assert at_stripe.shown["cancellation_reason"] == "requested_by_customer"
    with pytest.raises(ConflictError) as caught:
        counter.confirm(payment.id)
    assert caught.value.code == "payment_not_confirmable"


def test_a_payment_that_was_taken_is_refunded_and_not_canceled(counter: Counter) -> None:
    payment = counter.start()
    counter.confirm(payment.id)
    with pytest.raises(ConflictError) as caught:
        counter.cancel(payment.id)
    assert caught.value.code == "payment_not_cancelable"


def test_who_may_cancel(counter: Counter) -> None:
    payment = counter.start()
    with pytest.raises(NotFoundError):
        counter.cancel(payment.id, caller=person(new_party(counter.shop.engine)))
    with pytest.raises(ForbiddenError):
        counter.cancel(payment.id, caller=counter.shop.seller)
    assert counter.cancel(payment.id, caller=SUPPORT).resource.status == "canceled"


@pytest.mark.parametrize("fault", ["lost_answer", 500])
def test_a_cancellation_nobody_heard_of_is_found_out_by_asking_again(
    counter: Counter, line: Line, fault: str | int
) -> None:
    payment, reference = counter.start(), new_reference()
    line.fault = fault
    with pytest.raises(UnavailableError):
        counter.cancel(payment.id, reference=reference)
    line.fault = None
    assert counter.cancel(payment.id, reference=reference).resource.status == "canceled"
    assert len(set(line.keys)) == 2


def test_a_cancellation_that_comes_too_late_shows_the_payment(
    counter: Counter, simulated: SimulatedStripe
) -> None:
    payment, reference = counter.start(), new_reference()
    intents.confirm(
        stripe_at(simulated.url),
        provider_ref=counter.row(payment.id).provider_ref or "",
        payment_method="pm_card_visa",
        return_url=None,
        idempotency_key=new_reference(),
    )
    with pytest.raises(ConflictError) as caught:
        counter.cancel(payment.id, reference=reference)
    assert caught.value.code == "payment_not_cancelable"
    assert counter.row(payment.id).status == "succeeded"


def reserved(counter: Counter) -> str:
    payment = counter.start(capture="manual")
    shown = counter.confirm(payment.id).resource
    assert (shown.status, shown.amount_captured) == ("processing", 0)
    return payment.id


@pytest.mark.parametrize(("amount", "taken"), [(None, 11_900), (11_900, 11_900), (4_000, 4_000)])
def test_what_is_reserved_is_taken_in_part_or_whole(
    counter: Counter, amount: int | None, taken: int
) -> None:
    payment_id, reference = reserved(counter), new_reference()
    first = counter.capture(payment_id, amount, reference=reference)
    assert (first.resource.status, first.resource.amount_captured) == ("succeeded", taken)
    assert first.resource.amount == 11_900
    assert counter.capture(payment_id, amount, reference=reference).replayed
    with pytest.raises(ConflictError) as caught:
        counter.capture(payment_id)
    assert caught.value.code == "payment_not_capturable"


def test_no_more_is_taken_than_is_reserved(counter: Counter, line: Line) -> None:
    payment_id = reserved(counter)
    asked = len(line.keys)
    with pytest.raises(ConflictError) as caught:
        counter.capture(payment_id, 11_901)
    assert (caught.value.code, list(caught.value.errors)) == ("amount_too_large", ["amount"])
    with pytest.raises(InvalidRequestError):
        counter.capture(payment_id, 0)
    assert len(line.keys) == asked


def test_what_is_not_reserved_is_not_captured(counter: Counter) -> None:
    for payment in (counter.start(), counter.start(capture="manual")):
        with pytest.raises(ConflictError) as caught:
            counter.capture(payment.id)
        assert caught.value.code == "payment_not_capturable"


def test_what_is_reserved_can_be_given_up(counter: Counter) -> None:
    assert counter.cancel(reserved(counter)).resource.status == "canceled"


def test_a_capture_nobody_heard_of_is_found_out_by_asking_again(
    counter: Counter, line: Line
) -> None:
    payment_id, reference = reserved(counter), new_reference()
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        counter.capture(payment_id, 4_000, reference=reference)
    line.fault = None
    assert counter.capture(payment_id, 4_000, reference=reference).resource.amount_captured == 4_000
