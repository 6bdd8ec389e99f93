"""The figures of the overview, of a world whose every part we put there."""

import datetime as dt
import secrets

import pytest
from sqlalchemy import Engine, event, text

from payments.database import transaction
from payments.delivery import outbox
from payments.overview.in_flight import STAGES, read_in_flight
from payments.overview.job_queues import QUEUE_NAMES
from payments.overview.lags import InboxLag, QueueLag, Waiting, read_inbox_lag, read_outbox_lag
from payments.overview.money import Released, read_balances, read_released_today
from payments.overview.read_overview import KEPT, RecentOverview, read_overview
from payments.webhooks.inbox_writer import InboxWriter, SealedEvent
from tests.payments.releases.till import Till
from tests.payments.shop import NOW

HOUR = dt.timedelta(hours=1)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def till(fresh_engine: Engine) -> Till:
    return Till(fresh_engine)


def receive(engine: Engine, *, received_at: dt.datetime) -> None:
    InboxWriter(engine).store(
        SealedEvent(
            provider="stripe",
            event_id=f"evt_{secrets.token_hex(6)}",
            event_type="charge.succeeded",
            occurred_at=received_at,
            payload_encrypted=b"sealed",
            request_id=None,
            received_at=received_at,
        )
    )


def test_what_is_held_and_owed_is_what_the_books_say(till: Till) -> None:
    till.paid()
    till.release(till.paid(), 5000)
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the database's clock says when it was recorded
    overview = read_overview(till.engine, now=now)
    [held], [owed] = overview.held, overview.owed_to_sellers
    assert (held.currency, held.exponent, held.amount) == ("EUR", 2, 2 * 11_900 - 5000)
    assert (held.came, held.went) == (2 * 11_900, 5000)
    assert owed.amount == till.owed()
    tomorrow = now + dt.timedelta(days=1)
    with till.engine.connect() as connection:
        later = {row.account: row for row in read_balances(connection, now=tomorrow)}
    assert later[held.account] == held._replace(came=0, went=0)


def test_what_was_released_today_ends_at_midnight(till: Till) -> None:
    till.release(till.paid(), 5000)
    till.release(till.paid(), 700)
    with till.engine.connect() as connection:
        [released] = read_released_today(connection, now=NOW + HOUR)
        assert released == Released("card", "EUR", 2, 5700)
        assert read_released_today(connection, now=NOW + dt.timedelta(days=1)) == []


def test_money_in_flight_is_told_by_rail_stage_and_age(till: Till) -> None:
    till.shop.payment(till.shop.order())
    till.waiting(till.paid(), 300)
    till.refund(till.paid(), 40, "pending")
    till.release(till.paid(), 5000)
    with till.engine.connect() as connection:
        found = read_in_flight(connection, now=NOW + HOUR / 2)
        older = read_in_flight(connection, now=NOW + dt.timedelta(days=2))
    told = [(row.rail, row.stage, row.age, row.count, row.amount) for row in found]
    assert told == [
        ("card", "awaiting_approval", "under_1h", 1, 300),
        ("card", "awaiting_destination", "under_1h", 1, till.owed()),
        ("card", "awaiting_payer", "under_1h", 1, 11_900),
        ("card", "refunding", "under_1h", 1, 40),
    ]
    assert {row.stage for row in found} <= set(STAGES)
    assert {row.age for row in older} == {"under_3d"}
    assert {row.oldest for row in older} == {NOW}


def test_the_inbox_tells_how_late_it_is_and_what_waits_for_long(fresh_engine: Engine) -> None:
    receive(fresh_engine, received_at=NOW - HOUR)
    receive(fresh_engine, received_at=NOW)
    with transaction(fresh_engine) as session:  # the first was tried, and is to be tried later
        session.execute(
            text(
                "UPDATE strongroom.webhook_inbox SET attempts = 3, due_at = :later"
                " WHERE received_at < :now"
            ),
            {"now": NOW, "later": NOW + HOUR},
        )
    with fresh_engine.connect() as connection:
        [lag] = read_inbox_lag(connection, now=NOW + 5 * SECOND)
    assert lag == InboxLag("stripe", 2, 1, 5.0, 3605.0)


def test_the_outbox_is_told_by_queue(fresh_engine: Engine) -> None:
    with transaction(fresh_engine) as session:
        for job, due_at in (
            ("drain_webhooks", NOW - 30 * SECOND),
            ("expire_holds", NOW - 10 * SECOND),
            ("make_export", NOW + HOUR),
        ):
            outbox.stage(session, job=job, now=NOW, due_at=due_at)
        outbox.stage(session, job="watch_chains", now=NOW)
        outbox.lease_due(session, limit=1, lease_s=30, now=NOW, jobs=["watch_chains"])
    with fresh_engine.connect() as connection:
        told = read_outbox_lag(connection, now=NOW)
        after_a_death = read_outbox_lag(connection, now=NOW + 40 * SECOND)
    by_queue = {lag.queue: lag for lag in told}
    assert tuple(by_queue) == QUEUE_NAMES
    assert by_queue["urgent"] == QueueLag("urgent", 2, 0, 0, 30.0)
    assert by_queue["chains"] == QueueLag("chains", 0, 1, 0, 0.0)
    assert by_queue["routine"] == QueueLag("routine", 0, 0, 1, 0.0)
    assert {lag.queue: lag for lag in after_a_death}["chains"].behind_s == 40.0


def test_nothing_at_all_is_an_overview_too(fresh_engine: Engine) -> None:
    overview = read_overview(fresh_engine, now=NOW)
    assert [*overview.held, *overview.in_flight, *overview.inbox, *overview.drift] == []
    assert [(row.kind, row.count) for row in overview.dead_letters] == [
        ("webhook", 0),
        ("job", 0),
        ("notice", 0),
    ]
    assert overview.live_events == overview.notices == Waiting(0, 0.0)


def test_who_asks_often_is_told_what_was_read_last(fresh_engine: Engine) -> None:
    asked: list[str] = []
    event.listen(fresh_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    recent = RecentOverview(fresh_engine)
    first = recent.read(now=NOW)
    once = len(asked)
    assert recent.read(now=NOW + KEPT - SECOND) is first
    assert len(asked) == once
    assert recent.read(now=NOW + KEPT).at == NOW + KEPT
    assert recent.read(now=NOW).at == NOW, "a clock that went back"
