"""A card is charged once per reference, whatever breaks between us and Stripe."""

import io
import json

import pytest
from sqlalchemy import text

from payments.database import transaction
from payments.errors import (
    ConflictError,
    DeclinedError,
    ForbiddenError,
    InProgressError,
    InvalidRequestError,
    NotFoundError,
    ReferenceReusedError,
    StrongroomError,
    UnavailableError,
)
from payments.log_lines import configure_log_lines
from payments.providers.stripe import intents
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import Line, stripe_at
from tests.payments.intake.counter import Counter
from tests.payments.shop import new_party, new_reference, person

INSUFFICIENT = "pm_card_visa_chargeDeclinedInsufficientFunds"
STOLEN = "pm_card_visa_chargeDeclinedStolenCard"
THREE_D_SECURE = "pm_card_authenticationRequired"


def test_a_confirmed_payment_has_succeeded(counter: Counter) -> None:
    payment = counter.start()
    answered = counter.confirm(payment.id)
    assert (answered.replayed, answered.resource.status) == (False, "succeeded")
    assert answered.resource.amount_captured == payment.amount
    assert counter.history(payment.id) == [("created", "api:create"), ("succeeded", "api:confirm")]
    [call] = counter.calls(payment.id, "confirm")
    assert (call.state, call.request["payment_method"]) == ("done", "pm_card_visa")


def test_the_same_reference_charges_once(counter: Counter, line: Line) -> None:
    payment, reference = counter.start(), new_reference()
    first = counter.confirm(payment.id, reference=reference)
    again = counter.confirm(payment.id, reference=reference)
    assert (again.replayed, again.resource) == (True, first.resource)
    assert len(line.keys) == 2  # one to create, one to confirm
    with pytest.raises(ReferenceReusedError):
        counter.confirm(payment.id, "pm_card_mastercard", reference=reference)


def test_a_decline_tells_the_payer_and_stays_that_references_answer(
    counter: Counter, line: Line
) -> None:
    payment, reference = counter.start(), new_reference()
    for _ in range(2):
        with pytest.raises(DeclinedError) as caught:
            counter.confirm(payment.id, INSUFFICIENT, reference=reference)
        assert caught.value.stripe_code == "insufficient_funds"
        assert caught.value.next_step == "try_another_card"
    assert len(line.keys) == 2
    row = counter.row(payment.id)
    assert (row.status, row.stripe_code) == ("failed", "insufficient_funds")
    assert counter.calls(payment.id, "confirm")[0].state == "declined"
    assert counter.confirm(payment.id).resource.status == "succeeded"  # with another card


def test_what_the_payer_must_not_know_is_in_the_log_only(counter: Counter) -> None:
    lines = io.StringIO()
    configure_log_lines("INFO", stream=lines)
    payment = counter.start()
    with pytest.raises(DeclinedError) as caught:
        counter.confirm(payment.id, STOLEN)
    assert caught.value.stripe_code == "generic_decline"
    assert counter.row(payment.id).stripe_code == "generic_decline"
    said = map(json.loads, lines.getvalue().splitlines())
    [told] = [line for line in said if line["event"] == "payment_declined"]
    assert (told["payment_id"], told["stripe_code"]) == (payment.id, "stolen_card")


def test_the_payers_bank_may_ask_first(counter: Counter) -> None:
    payment = counter.start()
    asked = counter.confirm(payment.id, THREE_D_SECURE).resource
    assert (asked.status, asked.next_action) == ("requires_action", {"type": "use_stripe_sdk"})
    counter.wait(seconds=20)
    by_redirect = counter.confirm(
        payment.id, THREE_D_SECURE, return_url="https://shop.test/back?order=1"
    ).resource
    assert by_redirect.next_action is not None
    assert by_redirect.next_action["type"] == "redirect_to_url"
    assert by_redirect.next_action["url"].startswith("http")
    assert counter.confirm(payment.id).resource.status == "succeeded"  # closed it, another card


@pytest.mark.parametrize(
    "url", ["https://shop.test.evil.test/", "https://shop.test@evil.test/", "javascript:alert(1)"]
)
def test_the_payer_is_sent_back_to_trusted_pages_only(counter: Counter, url: str) -> None:
    payment = counter.start()
    with pytest.raises(InvalidRequestError) as caught:
        counter.confirm(payment.id, return_url=url)
    assert caught.value.errors.keys() == {"return_url"}


def test_attempts_of_one_second_are_told_apart(counter: Counter) -> None:
    payment = counter.start()
    for _ in range(2):
        with pytest.raises(DeclinedError):
            counter.confirm(payment.id, INSUFFICIENT)
        asked = counter.confirm(payment.id, THREE_D_SECURE).resource
        assert (asked.status, asked.failure) == ("requires_action", None)
        assert asked.next_action == {"type": "use_stripe_sdk"}
    with pytest.raises(DeclinedError):
        counter.confirm(payment.id, INSUFFICIENT)
    assert counter.history(payment.id)[-1] == ("failed", "api:confirm")


@pytest.mark.parametrize("fault", ["lost_answer", "no_line", 500, 429])
def test_an_unknown_outcome_is_found_out_by_the_same_request(
    counter: Counter, line: Line, fault: str | int
) -> None:
    payment, reference = counter.start(), new_reference()
    line.fault = fault
    with pytest.raises(UnavailableError):
        counter.confirm(payment.id, reference=reference)
    [call] = counter.calls(payment.id, "confirm")
    assert (call.state, counter.row(payment.id).status) == ("unknown", "created")
    with pytest.raises(InProgressError):  # nobody else may charge meanwhile
        counter.confirm(payment.id)
    with pytest.raises(InProgressError):
        counter.cancel(payment.id)
    line.fault = None
    resumed = counter.confirm(payment.id, reference=reference)
    assert (resumed.replayed, resumed.resource.status) == (False, "succeeded")
    assert line.keys[-1] == line.keys[-2] == call.idempotency_key
    assert counter.confirm(payment.id, reference=reference).replayed


def test_a_decline_nobody_heard_of_is_told_when_asked_again(counter: Counter, line: Line) -> None:
    payment, reference = counter.start(), new_reference()
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        counter.confirm(payment.id, INSUFFICIENT, reference=reference)
    line.fault = None
    with pytest.raises(DeclinedError) as caught:
        counter.confirm(payment.id, INSUFFICIENT, reference=reference)
    assert caught.value.stripe_code == "insufficient_funds"


def test_a_refusal_gives_the_reference_back(counter: Counter) -> None:
    payment, reference = counter.start(), new_reference()
    with pytest.raises(ConflictError) as caught:
        counter.confirm(payment.id, "pm_unknown", reference=reference)
    assert caught.value.code == "provider_refused"
    assert counter.calls(payment.id, "confirm")[0].state == "refused"
    assert counter.confirm(payment.id, reference=reference).resource.status == "succeeded"


def test_a_payment_that_went_on_without_us_shows_where_it_stands(
    counter: Counter, simulated: SimulatedStripe
) -> None:
    payment = counter.start()
    in_the_browser = stripe_at(simulated.url)
    intents.confirm(
        in_the_browser,
        provider_ref=counter.row(payment.id).provider_ref or "",
        payment_method="pm_card_visa",
        return_url=None,
        idempotency_key=new_reference(),
    )
    refused(counter, payment.id, "payment_not_confirmable")
    assert counter.row(payment.id).status == "succeeded"


def test_only_what_is_open_is_confirmed(counter: Counter) -> None:
    order = counter.shop.order()
    older, payment = counter.start(order), counter.start(order)
    refused(counter, older.id, "payment_not_confirmable")  # superseded
    counter.confirm(payment.id)
    refused(counter, payment.id, "payment_not_confirmable")
    refused(counter, older.id, "order_not_open")


def test_an_order_is_not_paid_by_two_payments_at_once(counter: Counter, line: Line) -> None:
    order = counter.shop.order()
    payment = counter.start(order)
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        counter.confirm(payment.id)
    line.fault = None
    with pytest.raises(ConflictError) as caught:
        counter.start(order)
    assert caught.value.code == "payment_in_progress"


def test_who_may_confirm(counter: Counter) -> None:
    payment = counter.start()
    with pytest.raises(NotFoundError):
        counter.confirm(payment.id, caller=person(new_party(counter.shop.engine)))
    with pytest.raises(NotFoundError):
        counter.confirm("pay_unknown")
    with pytest.raises(ForbiddenError):
        counter.confirm(payment.id, caller=counter.shop.seller)
    assert counter.confirm(payment.id, caller=counter.shop.buyer)


def test_no_transaction_is_open_while_stripe_is_called(counter: Counter, line: Line) -> None:
    payment = counter.start()
    seen: list[str] = []

    def look() -> None:
        seen.append(counter.calls(payment.id, "confirm")[0].state)
        with transaction(counter.shop.engine) as session:  # nobody holds the payment's row
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
            session.execute(
                text("SELECT 1 FROM strongroom.payments WHERE id = :id FOR UPDATE"),
                {"id": payment.id},
            )

    line.when_called = look
    counter.confirm(payment.id)
    assert seen == ["intent"]


def refused(counter: Counter, payment_id: str, code: str) -> None:
    with pytest.raises(StrongroomError) as caught:
        counter.confirm(payment_id)
    assert caught.value.code == code
