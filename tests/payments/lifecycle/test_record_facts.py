"""The one door: money is booked once, nothing moves backwards, and one bad fact sinks no other."""

import datetime as dt
import itertools
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, event, select, text
from sqlalchemy.orm import Session

import ledger
from payments.accounting.chart_of_accounts import bank_clearing, stripe_pending
from payments.accounting.entries import book
from payments.database import connect_engine, in_transaction, transaction
from payments.delivery.tables import LiveEvent
from payments.intake.read_payment import read_payment
from payments.lifecycle.record_facts import Outcome, SourcedFact, record_facts
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.lifecycle.view import PaymentView
from payments.orders.read_order import read_order
from payments.providers.facts import (
    ActionRequired,
    Canceled,
    ChargeSucceeded,
    Fact,
    Failure,
    PaymentFailed,
    Processing,
)
from tests.payments.shop import NOW, SERVICE, Shop, open_shop

DECLINED = Failure(
    code="card_declined", message="No.", next_step="try_another_card", stripe_code="do_not_honor"
)
Maker = Callable[[Payment, int], Fact]
_numbers = itertools.count(1)


def sourced(fact: Fact) -> SourcedFact:
    return SourcedFact(fact, f"stripe:evt_{next(_numbers)}")


def moment(second: int) -> dt.datetime:
    return NOW + dt.timedelta(seconds=second)


def named(payment: Payment, second: int) -> dict[str, Any]:
    return {
        "provider": "stripe",
        "provider_ref": payment.provider_ref,
        "payment_id": payment.id,
        "occurred_at": moment(second),
    }


def action(payment: Payment, second: int = 1) -> ActionRequired:
    return ActionRequired(**named(payment, second))


def processing(payment: Payment, second: int = 1) -> Processing:
    return Processing(**named(payment, second))


def canceled(payment: Payment, second: int = 1) -> Canceled:
    return Canceled(**named(payment, second))


def failed(payment: Payment, second: int = 1) -> PaymentFailed:
    return PaymentFailed(**named(payment, second), failure=DECLINED)


def succeeded(payment: Payment, second: int = 1) -> ChargeSucceeded:
    which = named(payment, second)
    return ChargeSucceeded(**which, amount=payment.amount, currency=payment.currency)


def record(engine: Engine, *facts: Fact) -> list[Outcome]:
    batch = [sourced(fact) for fact in facts]
    return in_transaction(engine, lambda session: record_facts(session, batch, now=NOW))


def results(outcomes: list[Outcome]) -> list[str]:
    return [outcome.reason or outcome.result for outcome in outcomes]


def payment_now(engine: Engine, payment: Payment) -> PaymentView:
    with transaction(engine) as session:
        return read_payment(session, caller=SERVICE, payment_id=payment.id)


def held_for(engine: Engine, order_id: str, currency: str = "EUR") -> int:
    with engine.connect() as connection:
        name = (f"liabilities:escrow:{order_id}", currency)
        found = ledger.find_account_ids(connection, [name])
        return -ledger.balance(connection, found[name]) if found else 0


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture
def own_shop(fresh_database_url: str) -> Iterator[Shop]:
    engine = connect_engine(fresh_database_url)
    yield open_shop(engine)
    engine.dispose()


def test_a_charge_is_booked_and_the_order_is_paid(shop: Shop, engine: Engine) -> None:
    order = shop.order()
    payment = shop.payment(order)
    [outcome] = record(engine, succeeded(payment))
    assert (outcome.payment_id, outcome.result) == (payment.id, "applied")
    assert payment_now(engine, payment).status == "succeeded"
    assert held_for(engine, order.id) == 11_900
    with transaction(engine) as session:
        assert read_order(session, caller=SERVICE, order_id=order.id).status == "paid"
        entry = session.execute(
            text("SELECT * FROM ledger.entries WHERE effect_key = :key"),
            {"key": f"{payment.id}:charged"},
        ).one()
        assert (entry.kind, entry.occurred_at) == ("charge", moment(1))
        assert entry.metadata == {
            "order_id": order.id,
            "payment_id": payment.id,
            "provider_ref": payment.provider_ref,
        }
        assert ledger.broken_invariants(session.connection()) == []


def test_history_tells_every_step_and_its_source(shop: Shop, engine: Engine) -> None:
    payment = shop.payment(shop.order())
    record(engine, action(payment, 1), failed(payment, 2))
    record(engine, processing(payment, 3), succeeded(payment, 4), action(payment, 1))
    with transaction(engine) as session:
        steps = session.scalars(
            select(PaymentEvent).filter_by(payment_id=payment.id).order_by(PaymentEvent.seq)
        ).all()
    assert [(step.seq, step.from_status, step.to_status) for step in steps] == [
        (1, None, "created"),
        (2, "created", "requires_action"),
        (3, "requires_action", "failed"),
        (4, "failed", "processing"),
        (5, "processing", "succeeded"),
    ]
    assert all(step.cause.startswith("stripe:evt_") for step in steps[1:])
    assert [step.occurred_at for step in steps[1:]] == [moment(second) for second in range(1, 5)]


def test_the_frontend_is_told_where_it_ended(shop: Shop, engine: Engine) -> None:
    order = shop.order()
    payment = shop.payment(order)
    record(engine, action(payment, 1), succeeded(payment, 2))
    with transaction(engine) as session:
        told = session.scalars(
            select(LiveEvent)
            .where(LiveEvent.subject_id.in_([payment.id, order.id]))
            .order_by(LiveEvent.id)
        ).all()
    assert [(row.topic, row.data["status"]) for row in told] == [
        ("payment.updated", "succeeded"),
        ("order.updated", "paid"),
    ]
    assert all(row.audience == [shop.buyer_id, shop.seller_id] for row in told)
    assert told[0].data["amount"] == told[1].data["amount"] == "11900"


def test_a_failure_is_shown_until_money_comes(shop: Shop, engine: Engine) -> None:
    payment = shop.payment(shop.order())
    record(engine, failed(payment, 1))
    assert payment_now(engine, payment).failure == DECLINED
    record(engine, succeeded(payment, 2))
    assert payment_now(engine, payment).failure is None


def test_what_is_told_twice_happens_once(shop: Shop, engine: Engine) -> None:
    order = shop.order()
    payment = shop.payment(order)
    outcomes = record(engine, succeeded(payment, 1), succeeded(payment, 1), succeeded(payment, 2))
    assert results(outcomes) == ["applied", "unchanged", "unchanged"]
    assert results(record(engine, succeeded(payment, 3), failed(payment, 9))) == ["unchanged"] * 2
    assert held_for(engine, order.id) == 11_900
    assert payment_now(engine, payment).status == "succeeded"


def test_every_order_of_events_ends_the_same(shop: Shop, engine: Engine) -> None:
    makers: tuple[Maker, ...] = (action, failed, processing, succeeded)
    for one_batch, order_of_facts in itertools.product(
        (True, False), itertools.permutations(enumerate(makers, start=1))
    ):
        order = shop.order()
        payment = shop.payment(order)
        facts = [make(payment, second) for second, make in order_of_facts]
        if one_batch:
            record(engine, *facts)
        else:
            for fact in facts:
                record(engine, fact)
        assert payment_now(engine, payment).status == "succeeded"
        assert held_for(engine, order.id) == 11_900


def test_bad_facts_are_named_and_sink_no_others(shop: Shop, engine: Engine) -> None:
    payments = [shop.payment(shop.order()) for _ in range(8)]
    good, cheap, dear, foreign, stranger, mixed, other, late = payments
    unknown = replace(succeeded(good), provider_ref="pi_unknown", payment_id=None)
    outcomes = record(
        engine,
        unknown,
        replace(unknown, payment_id="pay_unknown"),
        replace(succeeded(cheap), amount=11_899),
        replace(succeeded(dear), amount=1_190_000),
        replace(succeeded(foreign), currency="USD"),
        replace(succeeded(stranger), provider="other", provider_ref="x"),
        replace(succeeded(mixed), payment_id=other.id),
        replace(succeeded(late), provider_ref="pi_another"),
        succeeded(good),
    )
    assert results(outcomes) == [
        "unknown_payment",
        "unknown_payment",
        "amount_differs",
        "amount_differs",
        "currency_differs",
        "reference_differs",
        "reference_differs",
        "reference_differs",
        "applied",
    ]
    assert all(outcome.detail for outcome in outcomes[:-1])
    assert payment_now(engine, good).status == "succeeded"
    for payment in payments[1:]:
        assert payment_now(engine, payment).status == "created"
        assert held_for(engine, payment.order_id) == 0


def test_what_the_ledger_refuses_changes_nothing(own_shop: Shop) -> None:
    engine = own_shop.engine
    payments = [own_shop.payment(own_shop.order()) for _ in range(3)]
    before, after, both = payments
    for payment in (before, both):
        post_by_hand(engine, f"{payment.id}:charged")
    outcomes = record(
        engine,
        succeeded(before, 5),
        succeeded(before, 6),
        succeeded(after, 6),
        processing(both, 2),
        succeeded(both, 4),
        failed(both, 3),
    )
    assert results(outcomes) == [
        "effect_key_reused",
        "effect_key_reused",  # one charge, one entry: it shares the fate of the first
        "applied",
        "applied",
        "effect_key_reused",
        "applied",
    ]
    assert [payment_now(engine, payment).status for payment in payments] == [
        "created",
        "succeeded",
        "failed",
    ]
    with transaction(engine) as session:
        assert read_order(session, caller=SERVICE, order_id=before.order_id).status == "open"
        assert session.scalars(select(LiveEvent).filter_by(subject_id=before.id)).all() == []
        assert ledger.broken_invariants(session.connection()) == []


def post_by_hand(engine: Engine, effect_key: str) -> None:
    with engine.begin() as connection:
        book(
            connection,
            [(stripe_pending("EUR"), 1), (bank_clearing("EUR"), -1)],
            effect_key=effect_key,
            kind="adjustment",
            occurred_at=NOW,
            description="Somebody was here before",
            metadata={},
        )


def test_what_is_told_late_is_booked_into_the_first_open_period(own_shop: Shop) -> None:
    engine = own_shop.engine
    late, in_time = (own_shop.payment(own_shop.order()) for _ in range(2))
    with engine.begin() as connection:
        ledger.close_books(connection, moment(5))
    outcomes = record(engine, succeeded(late, 4), succeeded(in_time, 6))
    assert results(outcomes) == ["applied", "applied"]
    with engine.begin() as connection:
        keys = [f"{payment.id}:charged" for payment in (late, in_time)]
        entries = ledger.entries_of_effects(connection, keys)
    assert {entry.effect_key: entry.occurred_at for entry in entries} == {
        keys[0]: moment(5) + dt.timedelta(microseconds=1),
        keys[1]: moment(6),
    }


def test_a_webhook_may_be_first_to_name_stripes_id(shop: Shop, engine: Engine) -> None:
    payment = shop.payment(shop.order(), known_to_stripe=False)
    theirs = replace(succeeded(payment, 2), provider_ref=f"pi_of_{payment.id}")
    by_stripe_alone = replace(theirs, payment_id=None, occurred_at=moment(3))
    impostor = replace(theirs, provider_ref="pi_impostor")
    outcomes = record(engine, by_stripe_alone, theirs, by_stripe_alone, impostor)
    assert results(outcomes) == ["unknown_payment", "applied", "unchanged", "reference_differs"]
    with transaction(engine) as session:
        assert session.get_one(Payment, payment.id).provider_ref == theirs.provider_ref


def test_two_payments_of_one_order_are_both_held(shop: Shop, engine: Engine) -> None:
    # Two tabs, two cards: both charges are real, so both are booked; a refund is for people.
    order = shop.order()
    first, second = shop.payment(order), shop.payment(order)
    assert results(record(engine, succeeded(first), succeeded(second))) == ["applied"] * 2
    assert held_for(engine, order.id) == 23_800


def test_money_for_a_canceled_order_is_still_held(shop: Shop, engine: Engine) -> None:
    order = shop.order()
    payment = shop.payment(order)
    with transaction(engine) as session:
        session.execute(
            text("UPDATE strongroom.orders SET status = 'canceled' WHERE id = :id"),
            {"id": order.id},
        )
    record(engine, canceled(payment, 1), succeeded(payment, 2))
    assert held_for(engine, order.id) == 11_900
    with transaction(engine) as session:
        assert read_order(session, caller=SERVICE, order_id=order.id).status == "canceled"


def test_a_rolled_back_batch_leaves_no_trace(shop: Shop, engine: Engine) -> None:
    payment = shop.payment(shop.order())
    with Session(engine) as session:
        record_facts(session, [sourced(succeeded(payment))], now=NOW)
        session.rollback()
    assert payment_now(engine, payment).status == "created"
    assert held_for(engine, payment.order_id) == 0


def test_no_facts_need_no_statement(engine: Engine) -> None:
    assert record(engine) == []


@pytest.mark.parametrize("currency", ["JPY", "KWD", "USD"])
def test_amounts_are_minor_units_of_their_currency(
    shop: Shop, engine: Engine, currency: str
) -> None:
    order = shop.order(net=10_000, currency=currency)
    record(engine, succeeded(shop.payment(order)))
    assert held_for(engine, order.id, currency) == 11_900


def test_a_batch_costs_the_same_statements_whatever_its_size(shop: Shop, engine: Engine) -> None:
    def statements(count: int) -> int:
        facts = [succeeded(shop.payment(shop.order())) for _ in range(count)]
        seen: list[str] = []

        def note(*arguments: object) -> None:
            seen.append(str(arguments[2]))

        event.listen(engine, "before_cursor_execute", note)
        try:
            assert set(results(record(engine, *facts))) == {"applied"}
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    assert statements(1) == statements(60) <= 16


def test_facts_of_one_payment_wait_for_each_other(own_shop: Shop, fresh_database_url: str) -> None:
    engine = own_shop.engine
    payment = own_shop.payment(own_shop.order())
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as session:
            record_facts(session, [sourced(succeeded(payment, 1))], now=NOW)
            second = pool.submit(record, engine, failed(payment, 9))
            wait_until_someone_waits_for_a_lock(fresh_database_url)
        assert results(second.result()) == ["unchanged"]
    assert payment_now(engine, payment).status == "succeeded"


def wait_until_someone_waits_for_a_lock(database_url: str) -> None:
    # As the owner: the application's role is not shown what other sessions do.
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 4
    owner = create_engine(database_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with owner.connect() as connection:
        while not connection.scalar(waiting):
            assert time.monotonic() < deadline


def test_batches_at_once_in_any_order_book_each_charge_once(own_shop: Shop) -> None:
    engine = own_shop.engine
    orders = [own_shop.order() for _ in range(30)]
    payments = [own_shop.payment(order) for order in orders] + [
        own_shop.payment(order) for order in orders[:5]
    ]
    makers: tuple[Maker, ...] = (action, failed, succeeded)
    facts = [
        make(payment, second) for payment in payments for second, make in enumerate(makers, start=1)
    ]
    seeds = range(6)

    def drain(seed: int) -> list[str]:
        shuffled = random.Random(seed).sample(facts, len(facts))
        halves = shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]
        return [result for half in halves for result in results(record(engine, *half))]

    with ThreadPoolExecutor(len(seeds)) as pool:
        told = list(itertools.chain.from_iterable(pool.map(drain, seeds)))
    assert set(told) == {"applied", "unchanged"}
    with transaction(engine) as session:
        connection = session.connection()
        assert ledger.broken_invariants(connection) == []
        entries = session.scalar(text("SELECT count(*) FROM ledger.entries"))
        statuses = session.scalars(select(Payment.status).distinct()).all()
    assert (entries, statuses) == (35, ["succeeded"])
    assert held_for(engine, orders[0].id) == 2 * 11_900
    assert held_for(engine, orders[-1].id) == 11_900
