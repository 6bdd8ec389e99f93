"""A payment is started once, whatever breaks between us and Stripe."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

from payments.access.caller import Caller
from payments.calls.tables import ProviderCall
from payments.database import transaction
from payments.delivery.tables import LiveEvent
from payments.errors import (
    ConflictError,
    ForbiddenError,
    InProgressError,
    InvalidRequestError,
    NotFoundError,
    ReferenceReusedError,
    StrongroomError,
    UnavailableError,
)
from payments.idempotency import Answered
from payments.intake.create_intent import CreatedIntent, create_intent
from payments.intake.read_payment import read_payment
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.providers.stripe import intents
from payments.providers.stripe.client import StripeClient
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import Line, stripe_at
from tests.payments.shop import CIPHER, NOW, SERVICE, Shop, new_party, new_reference, person

MOST_STATEMENTS = 10  # five before the call and five after it: each costs every caller time


class Checkout:
    """Starts payments in this test's shop."""

    def __init__(self, shop: Shop, stripe: StripeClient) -> None:
        self.shop = shop
        self.stripe = stripe

    def start(
        self, order_id: str, reference: str, *, caller: Caller | None = None, **changed: Any
    ) -> Answered[CreatedIntent]:
        call: dict[str, Any] = {"now": NOW, "stripe": self.stripe} | changed
        return create_intent(
            self.shop.engine,
            caller=caller or self.shop.buyer,
            reference=reference,
            order_id=order_id,
            cipher=CIPHER,
            **call,
        )


@pytest.fixture
def checkout(shop: Shop, stripe: StripeClient) -> Checkout:
    return Checkout(shop, stripe)


def payments_of(engine: Engine, order_id: str) -> list[Payment]:
    with transaction(engine) as session:
        return list(session.scalars(select(Payment).filter_by(order_id=order_id)))


def call_of(engine: Engine, payment_id: str) -> ProviderCall:
    with transaction(engine) as session:
        return session.scalars(select(ProviderCall).filter_by(payment_id=payment_id)).one()


def test_a_payment_is_started_with_the_orders_amount(
    checkout: Checkout, engine: Engine, simulated: SimulatedStripe
) -> None:
    order = checkout.shop.order()
    answered = checkout.start(order.id, new_reference())
    payment = answered.resource.payment
    assert not answered.replayed
    assert (payment.status, payment.amount, payment.currency) == ("created", 11_900, "EUR")
    [row] = payments_of(engine, order.id)
    at_stripe = intents.retrieve(stripe_at(simulated.url), provider_ref=row.provider_ref or "")
    assert at_stripe.client_secret == answered.resource.client_secret
    assert answered.resource.client_secret.encode() not in (row.client_secret_encrypted or b"")
    call = call_of(engine, payment.id)
    assert (call.state, call.error, call.finished_at) == ("done", None, NOW)


def test_history_and_frontend_hear_of_it(checkout: Checkout, engine: Engine) -> None:
    order = checkout.shop.order()
    payment = checkout.start(order.id, new_reference()).resource.payment
    with transaction(engine) as session:
        steps = session.scalars(select(PaymentEvent).filter_by(payment_id=payment.id)).all()
        told = session.scalars(select(LiveEvent).filter_by(subject_id=payment.id)).all()
    assert [(step.seq, step.from_status, step.to_status) for step in steps] == [
        (1, None, "created")
    ]
    assert [event.topic for event in told] == ["payment.updated"]
    assert told[0].audience == [checkout.shop.buyer_id, checkout.shop.seller_id]
    assert (told[0].data["id"], told[0].data["amount"]) == (payment.id, "11900")
    assert "secret" not in str(told[0].data)


def test_few_statements_start_a_payment(checkout: Checkout, engine: Engine) -> None:
    order, statements = checkout.shop.order(), []

    def note(*details: object) -> None:
        statements.append(details[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        checkout.start(order.id, new_reference())
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(statements) <= MOST_STATEMENTS, statements


def test_no_transaction_is_open_while_stripe_is_called(
    checkout: Checkout, engine: Engine, owner_engine: Engine, line: Line
) -> None:
    order = checkout.shop.order()
    seen: list[object] = []

    def look() -> None:
        [payment] = payments_of(engine, order.id)
        seen.append(call_of(engine, payment.id).state)
        seen.append(transactions_of_others(owner_engine))

    line.when_called = look
    checkout.start(order.id, new_reference())
    assert seen == ["intent", 0]  # the intent was committed, and nothing is open
    with transaction(engine) as session:
        session.execute(text("SELECT 1"))
        assert transactions_of_others(owner_engine) == 1


def transactions_of_others(owner_engine: Engine) -> object:
    # As the owner: the application's role is not shown what other sessions do.
    with owner_engine.connect() as connection:
        return connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            )
        )


def test_the_same_reference_gives_the_same_payment_and_secret(
    checkout: Checkout, engine: Engine, line: Line
) -> None:
    order, reference = checkout.shop.order(), new_reference()
    first = checkout.start(order.id, reference)
    again = checkout.start(order.id, reference)
    assert (again.replayed, again.resource) == (True, first.resource)
    assert len(line.keys) == len(payments_of(engine, order.id)) == 1
    with pytest.raises(ReferenceReusedError):
        checkout.start(order.id, reference, capture="manual")


@pytest.mark.parametrize("fault", ["lost_answer", "no_line", 500, 503, 429, 409])
def test_an_unknown_outcome_is_found_out_by_the_same_request(
    checkout: Checkout, engine: Engine, line: Line, fault: str | int
) -> None:
    order, reference = checkout.shop.order(), new_reference()
    line.fault = fault
    with pytest.raises(UnavailableError):
        checkout.start(order.id, reference)
    [row] = payments_of(engine, order.id)
    call = call_of(engine, row.id)
    assert (row.status, call.state, call.finished_at) == ("created", "unknown", None)
    assert call.error

    line.fault = None
    resumed = checkout.start(order.id, reference)
    assert (resumed.replayed, resumed.resource.payment.id) == (False, row.id)
    assert len(set(line.keys)) == 1  # Stripe itself sees one request, however often it came
    assert call_of(engine, row.id).state == "done"
    assert checkout.start(order.id, reference).replayed


def test_after_a_lost_answer_stripe_made_one_intent_only(
    checkout: Checkout, line: Line, simulated: SimulatedStripe
) -> None:
    order, reference = checkout.shop.order(), new_reference()
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        checkout.start(order.id, reference)
    line.fault = None
    checkout.start(order.id, reference)
    events = stripe_at(simulated.url).v1.events.list({"type": "payment_intent.created"})
    made = [event.data.object["metadata"]["order_id"] for event in events.data]
    assert made.count(order.id) == 1


class KilledError(BaseException):
    """Stands for a process that ends in the middle of the call."""


class DyingClient:
    def raw_request(self, *_: object, **__: object) -> object:
        raise KilledError


def test_a_crash_after_the_intent_is_taken_up_once_the_lease_is_over(
    checkout: Checkout, engine: Engine
) -> None:
    order, reference = checkout.shop.order(), new_reference()
    with pytest.raises(KilledError):
        checkout.start(order.id, reference, stripe=DyingClient())
    with pytest.raises(InProgressError):
        checkout.start(order.id, reference)
    resumed = checkout.start(order.id, reference, now=NOW + dt.timedelta(seconds=91))
    assert not resumed.replayed
    assert [row.id for row in payments_of(engine, order.id)] == [resumed.resource.payment.id]


def test_a_run_that_was_thought_dead_answers_with_what_was_handed_out(
    checkout: Checkout, engine: Engine, line: Line
) -> None:
    order, reference = checkout.shop.order(), new_reference()
    overtaking: list[Answered[CreatedIntent]] = []

    def overtake() -> None:
        line.when_called = lambda: None
        later = NOW + dt.timedelta(seconds=91)
        overtaking.append(checkout.start(order.id, reference, now=later))

    line.when_called = overtake
    slow = checkout.start(order.id, reference)
    assert slow.resource == overtaking[0].resource
    assert len(payments_of(engine, order.id)) == 1
    assert checkout.start(order.id, reference).resource == slow.resource


def test_a_late_failure_of_a_slow_run_takes_nothing_back(
    checkout: Checkout, engine: Engine, line: Line
) -> None:
    order, reference = checkout.shop.order(), new_reference()

    def overtake_and_fail() -> None:
        line.when_called = lambda: None
        checkout.start(order.id, reference, now=NOW + dt.timedelta(seconds=91))
        line.fault = 500

    line.when_called = overtake_and_fail
    with pytest.raises(UnavailableError):
        checkout.start(order.id, reference)
    [row] = payments_of(engine, order.id)
    assert call_of(engine, row.id).state == "done"
    assert checkout.start(order.id, reference).replayed


def test_of_many_requests_at_once_one_starts_the_payment(
    checkout: Checkout, engine: Engine
) -> None:
    order, reference = checkout.shop.order(), new_reference()

    def start(_: int) -> str:
        try:
            return checkout.start(order.id, reference).resource.payment.id
        except InProgressError:
            return "in_progress"

    with ThreadPoolExecutor(6) as pool:
        told = set(pool.map(start, range(6)))
    [row] = payments_of(engine, order.id)
    assert row.id in told
    assert told <= {row.id, "in_progress"}


def test_a_refusal_lets_the_payment_fail_and_gives_the_reference_back(
    checkout: Checkout, engine: Engine
) -> None:
    order, reference = checkout.shop.order(net=10, rate="0"), new_reference()
    for attempts in (1, 2):
        with pytest.raises(InvalidRequestError) as caught:
            checkout.start(order.id, reference)
        assert "amount" in caught.value.errors
        rows = payments_of(engine, order.id)
        assert len(rows) == attempts
        assert {row.status for row in rows} == {"failed"}
        assert {call_of(engine, row.id).state for row in rows} == {"refused"}
    corrected = checkout.shop.order()
    assert not checkout.start(corrected.id, reference).replayed


def test_a_wrong_key_of_ours_is_not_the_buyers_fault(checkout: Checkout, line: Line) -> None:
    order, reference = checkout.shop.order(), new_reference()
    wrong = stripe_at(line.url, secret_key="sk_test_sandbox_wrong")
    with pytest.raises(UnavailableError) as caught:
        checkout.start(order.id, reference, stripe=wrong)
    assert "sk_test" not in caught.value.detail
    assert not checkout.start(order.id, reference).replayed


def test_who_may_pay(checkout: Checkout, engine: Engine) -> None:
    order = checkout.shop.order()
    stranger = person(new_party(engine))
    with pytest.raises(NotFoundError):
        checkout.start(order.id, new_reference(), caller=stranger)
    with pytest.raises(NotFoundError):
        checkout.start("ord_unknown", new_reference())
    with pytest.raises(ForbiddenError):
        checkout.start(order.id, new_reference(), caller=checkout.shop.seller)
    assert payments_of(engine, order.id) == []
    assert checkout.start(order.id, new_reference(), caller=SERVICE)


@pytest.mark.parametrize(
    ("status", "code"), [("paid", "order_not_open"), ("canceled", "order_not_open")]
)
def test_an_order_that_is_not_open_is_not_paid(
    checkout: Checkout, engine: Engine, status: str, code: str
) -> None:
    order = checkout.shop.order()
    with transaction(engine) as session:
        session.execute(
            text("UPDATE strongroom.orders SET status = :status WHERE id = :id"),
            {"status": status, "id": order.id},
        )
    refused(checkout, order.id, code)


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.SUCCEEDED])
def test_an_order_is_not_paid_twice_at_once(
    checkout: Checkout, engine: Engine, status: Status
) -> None:
    order = checkout.shop.order()
    payment = checkout.start(order.id, new_reference()).resource.payment
    with transaction(engine) as session:
        session.execute(
            text("UPDATE strongroom.payments SET status = :status WHERE id = :id"),
            {"status": status.value, "id": payment.id},
        )
    refused(checkout, order.id, "payment_in_progress")


def test_cards_do_not_pay_in_ether(checkout: Checkout) -> None:
    refused(checkout, checkout.shop.order(currency="ETH").id, "currency_not_supported")


def test_a_resumed_request_looks_at_the_order_again(
    checkout: Checkout, engine: Engine, line: Line
) -> None:
    order, reference = checkout.shop.order(), new_reference()
    line.fault = 500
    with pytest.raises(UnavailableError):
        checkout.start(order.id, reference)
    with transaction(engine) as session:
        session.execute(
            text("UPDATE strongroom.orders SET status = 'canceled' WHERE id = :id"),
            {"id": order.id},
        )
    line.fault = None
    with pytest.raises(ConflictError):
        checkout.start(order.id, reference)
    assert len(line.keys) == 1


def test_what_was_started_can_be_read(checkout: Checkout, engine: Engine) -> None:
    order = checkout.shop.order()
    payment = checkout.start(order.id, new_reference()).resource.payment
    with transaction(engine) as session:
        assert read_payment(session, caller=checkout.shop.buyer, payment_id=payment.id) == payment


def refused(checkout: Checkout, order_id: str, code: str) -> None:
    with pytest.raises(StrongroomError) as caught:
        checkout.start(order_id, new_reference())
    assert caught.value.code == code
