import datetime as dt
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

import ledger
from payments.database import connect_engine, transaction
from payments.delivery.tables import LiveEvent, OutboxRow
from payments.lifecycle.tables import Payment
from payments.webhooks.drain_inbox import Drained, drain_inbox
from payments.webhooks.set_aside import back_off
from payments.webhooks.tables import InboxEvent
from payments.webhooks.wake_up import wake_up_for_leftovers
from tests.payments.shop import NOW, Shop, open_shop
from tests.payments.webhooks.stripe_events import (
    CIPHER,
    event,
    inbox,
    new_payment,
    receive,
    states,
    succeeded,
)


@pytest.fixture
def engine(fresh_database_url: str) -> Iterator[Engine]:
    """The inbox is one for the whole database, so each test has one to itself."""
    engine = connect_engine(fresh_database_url)
    yield engine
    with engine.connect() as connection:
        assert ledger.broken_invariants(connection) == []
    engine.dispose()


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


def drain(engine: Engine, *, limit: int = 100, now: dt.datetime = NOW) -> Drained:
    return drain_inbox(engine, cipher=CIPHER, limit=limit, now=now)


def status_of(engine: Engine, payment: Payment) -> str:
    with transaction(engine) as session:
        return session.scalars(select(Payment.status).where(Payment.id == payment.id)).one()


def break_payment(database_url: str, payment: Payment) -> None:
    """Have every change of one payment fail in a way that nobody has foreseen."""
    owner = create_engine(database_url)
    with owner.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION strongroom.break() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'card 4242 4242 4242 4242 is cursed'; END $$;"
            " CREATE TRIGGER broken BEFORE UPDATE ON strongroom.payments"
            f" FOR EACH ROW WHEN (old.id = '{payment.id}') EXECUTE FUNCTION strongroom.break()"
        )
    owner.dispose()


def test_a_batch_of_events_becomes_entries_statuses_and_live_events(shop: Shop) -> None:
    payments = [new_payment(shop) for _ in range(5)]
    events = [succeeded(payment) for payment in payments]
    for stripe_event in events:
        receive(shop.engine, stripe_event)
    assert drain(shop.engine) == Drained(done=5)
    assert set(states(shop.engine, events)) == {"done"}
    assert {status_of(shop.engine, payment) for payment in payments} == {"succeeded"}
    with transaction(shop.engine) as session:
        told = session.scalars(
            select(LiveEvent.subject_id).where(LiveEvent.topic == "payment.updated")
        ).all()
    assert set(told) == {payment.id for payment in payments}


def test_draining_again_changes_nothing(shop: Shop) -> None:
    receive(shop.engine, succeeded(new_payment(shop)))
    drain(shop.engine)
    assert drain(shop.engine) == Drained()


def test_the_oldest_come_first_and_the_rest_stay(shop: Shop) -> None:
    events = [event("customer.created", {"id": f"cus_{n}"}) for n in range(3)]
    for seconds, stripe_event in enumerate(events):
        receive(shop.engine, stripe_event, now=NOW + dt.timedelta(seconds=seconds))
    later = NOW + dt.timedelta(minutes=1)
    assert drain(shop.engine, limit=2, now=later) == Drained(ignored=2)
    assert states(shop.engine, events) == ["ignored", "ignored", "new"]


def test_an_event_that_means_nothing_here_is_ignored_and_kept(shop: Shop) -> None:
    stripe_event = event("invoice.created", {"id": "in_1"})
    receive(shop.engine, stripe_event)
    assert drain(shop.engine) == Drained(ignored=1)
    assert states(shop.engine, [stripe_event]) == ["ignored"]


def test_a_refused_event_is_set_aside_alone_and_says_why(shop: Shop) -> None:
    good, bad = new_payment(shop), new_payment(shop)
    events = [succeeded(good), succeeded(bad, amount_received=bad.amount + 1)]
    for stripe_event in events:
        receive(shop.engine, stripe_event)
    assert drain(shop.engine) == Drained(done=1, set_aside=1)
    _, refused = inbox(shop.engine, events)
    assert (refused.state, refused.attempts) == ("new", 1)
    assert "amount_differs" in (refused.error or "")
    assert refused.due_at == NOW + dt.timedelta(seconds=1)
    assert status_of(shop.engine, bad) == "created"


def test_an_event_without_the_documented_form_is_set_aside_alone(shop: Shop) -> None:
    payment = new_payment(shop)
    events = [succeeded(payment, amount_received="much"), succeeded(payment)]
    for stripe_event in events:
        receive(shop.engine, stripe_event)
    assert drain(shop.engine) == Drained(done=1, set_aside=1)
    assert states(shop.engine, events) == ["new", "done"]


def test_a_payload_that_was_tampered_with_is_set_aside_alone(shop: Shop) -> None:
    events = [succeeded(new_payment(shop)), succeeded(new_payment(shop))]
    for stripe_event in events:
        receive(shop.engine, stripe_event)
    with transaction(shop.engine) as session:
        row = session.scalars(
            select(InboxEvent).where(InboxEvent.event_id == events[0]["id"])
        ).one()
        assert row.payload_encrypted is not None
        row.payload_encrypted = row.payload_encrypted[:-1] + bytes([row.payload_encrypted[-1] ^ 1])
    assert drain(shop.engine) == Drained(done=1, set_aside=1)


@pytest.mark.parametrize("place", [0, 6, 12])
def test_a_poisoned_event_is_found_and_the_others_go_through(
    shop: Shop, fresh_database_url: str, place: int
) -> None:
    payments = [new_payment(shop) for _ in range(13)]
    events = [succeeded(payment) for payment in payments]
    for stripe_event in events:
        receive(shop.engine, stripe_event)
    break_payment(fresh_database_url, payments[place])
    assert drain(shop.engine) == Drained(done=12, set_aside=1)
    expected = ["done"] * 13
    expected[place] = "new"
    assert states(shop.engine, events) == expected
    error = inbox(shop.engine, events)[place].error or ""
    assert "cursed" in error
    assert "4242 4242 4242" not in error


def test_an_event_ahead_of_its_payment_is_applied_when_the_payment_is_there(shop: Shop) -> None:
    payment = new_payment(shop)
    early = succeeded(payment)
    early["data"]["object"]["metadata"] = {}
    early["data"]["object"]["id"] = f"pi_{secrets.token_hex(12)}"
    receive(shop.engine, early)
    assert drain(shop.engine) == Drained(set_aside=1)
    with transaction(shop.engine) as session:
        session.get_one(Payment, payment.id).provider_ref = early["data"]["object"]["id"]
    assert drain(shop.engine) == Drained()
    assert drain(shop.engine, now=NOW + dt.timedelta(seconds=1)) == Drained(done=1)
    assert status_of(shop.engine, payment) == "succeeded"


def test_an_event_nobody_can_apply_is_dead_when_its_window_is_over(shop: Shop) -> None:
    stripe_event = succeeded(new_payment(shop), amount_received=1)
    receive(shop.engine, stripe_event)
    attempts, now, last = 0, NOW, NOW
    while states(shop.engine, [stripe_event]) == ["new"]:
        drain(shop.engine, now=now)
        (row,) = inbox(shop.engine, [stripe_event])
        attempts, last, now = attempts + 1, now, row.due_at
    assert (row.state, row.attempts, row.finished_at) == ("dead", attempts, last)
    assert last == NOW + dt.timedelta(hours=72)
    assert 72 < attempts < 85
    assert "amount_differs" in (row.error or "")
    assert drain(shop.engine, now=now + dt.timedelta(days=1)) == Drained()


def test_a_batch_of_300_loses_only_the_events_that_are_wrong(
    shop: Shop, fresh_database_url: str
) -> None:
    payments = [new_payment(shop) for _ in range(300)]
    refused, malformed, poisoned = 7, 150, 271
    events = [succeeded(payment) for payment in payments]
    events[refused] = succeeded(payments[refused], amount_received=1)
    events[malformed] = succeeded(payments[malformed], amount_received="much")
    for stripe_event in events:
        receive(shop.engine, stripe_event)
    break_payment(fresh_database_url, payments[poisoned])
    assert drain(shop.engine, limit=300) == Drained(done=297, set_aside=3)
    found = inbox(shop.engine, events)
    assert [place for place, row in enumerate(found) if row.state == "new"] == [7, 150, 271]
    told = [found[place].error or "" for place in (refused, malformed, poisoned)]
    for error, word in zip(told, ["amount_differs", "MalformedEventError", "cursed"], strict=True):
        assert word in error


def test_the_rest_between_attempts_grows_from_a_second_to_an_hour() -> None:
    rests = [back_off(attempts).total_seconds() for attempts in (*range(1, 9), 10_000)]
    assert rests == [1, 4, 16, 64, 256, 1024, 3600, 3600, 3600]


def test_drains_at_once_apply_every_event_once(shop: Shop) -> None:
    payments = [new_payment(shop) for _ in range(40)]
    for payment in payments:
        receive(shop.engine, succeeded(payment))
        receive(shop.engine, succeeded(payment))  # another event that says the same
    total = Drained()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for drained in pool.map(lambda _: drain(shop.engine, limit=10), range(4)):
                total += drained
    assert total == Drained(done=80)
    with shop.engine.connect() as connection:
        entries = connection.execute(
            text("SELECT count(*) FROM ledger.entries WHERE effect_key = ANY(:keys)"),
            {"keys": [f"{payment.id}:charged" for payment in payments]},
        ).scalar_one()
    assert entries == 40


def test_an_event_that_waits_for_a_lock_is_nobodys_poison(shop: Shop) -> None:
    stripe_event = succeeded(new_payment(shop))
    receive(shop.engine, stripe_event)
    with Session(shop.engine) as other:
        other.scalars(select(InboxEvent).with_for_update()).all()
        assert drain(shop.engine) == Drained()
    assert drain(shop.engine) == Drained(done=1)


def wake_ups(engine: Engine) -> list[OutboxRow]:
    with transaction(engine) as session:
        return list(session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


def test_leftovers_are_asked_for_once_when_they_are_due(shop: Shop) -> None:
    with transaction(shop.engine) as session:
        wake_up_for_leftovers(session, now=NOW)
    assert wake_ups(shop.engine) == []
    receive(shop.engine, succeeded(new_payment(shop), amount_received=1))
    with transaction(shop.engine) as session:
        for row in session.scalars(select(OutboxRow)):
            row.state = "done"
    for _ in range(2):
        with transaction(shop.engine) as session:
            wake_up_for_leftovers(session, now=NOW)
    assert [row.state for row in wake_ups(shop.engine)] == ["done", "waiting"]


def test_events_of_money_wake_the_job_that_reads_stripes_books_once(shop: Shop) -> None:
    for kind in ("charge.updated", "payout.paid", "refund.updated", "customer.created"):
        receive(shop.engine, event(kind, {"id": f"x_{secrets.token_hex(4)}", "object": "x"}))
    drain(shop.engine)
    (woken,) = [row for row in wake_ups(shop.engine) if row.job != "drain_webhooks"]
    assert (woken.job, woken.coalesce_key) == ("sync_stripe_balance", "sync_stripe_balance")
    assert woken.due_at == NOW + dt.timedelta(seconds=2)
