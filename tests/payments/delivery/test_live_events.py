import datetime as dt
import random
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from payments.access.caller import Caller, Role
from payments.database import connect_engine, transaction
from payments.delivery import live_events
from payments.delivery.live_events import Change, NumberedEvent
from payments.delivery.tables import LiveEvent

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture
def engine(fresh_database_url: str) -> Iterator[Engine]:
    """Positions are of the whole database, so each test has one to itself."""
    engine = connect_engine(fresh_database_url)
    yield engine
    engine.dispose()


def announce(session: Session, subject: str, *audience: str) -> None:
    live_events.announce(
        session,
        topic="payment.updated",
        subject_id=subject,
        audience=audience,
        data={"id": subject, "amount": "12500"},
        now=NOW,
    )


def number_all(engine: Engine) -> list[NumberedEvent]:
    numbered: list[NumberedEvent] = []
    while True:
        with transaction(engine) as session:
            batch = live_events.number_pending(session, limit=7)
        if not batch:
            return numbered
        numbered += batch


def test_positions_begin_at_one_and_have_no_gaps(engine: Engine) -> None:
    with transaction(engine) as session:
        live_events.announce_all(
            session,
            [
                Change(topic="order.updated", subject_id=str(n), audience=[], data={})
                for n in range(20)
            ],
            now=NOW,
        )
    numbered = number_all(engine)
    assert [event.position for event in numbered] == list(range(1, 21))
    assert [event.subject_id for event in numbered] == [str(n) for n in range(20)]
    with transaction(engine) as session:
        assert live_events.last_position(session) == 20


def test_what_commits_late_comes_later_though_it_was_written_first(engine: Engine) -> None:
    with Session(engine) as slow:
        announce(slow, "slow")
        with transaction(engine) as session:
            announce(session, "quick")
        first = number_all(engine)
        slow.commit()
    second = number_all(engine)
    assert [(event.position, event.subject_id) for event in first + second] == [
        (1, "quick"),
        (2, "slow"),
    ]


def test_a_change_that_was_rolled_back_leaves_no_gap(engine: Engine) -> None:
    with Session(engine) as session:
        announce(session, "never")
        session.rollback()
    with transaction(engine) as session:
        announce(session, "was")
    assert [event.position for event in number_all(engine)] == [1]


def write_some(engine: Engine, writer: int) -> None:
    """Commit and roll back changes, some in pairs, as the writer's seed has it."""
    chance = random.Random(writer)
    for n in range(25):
        with Session(engine) as session:
            for part in range(chance.choice([1, 1, 2])):
                announce(session, f"{writer}-{n}-{part}")
            if chance.random() < 0.1:
                session.rollback()
            session.commit()


def follow(engine: Engine, seen: list[int]) -> None:
    with transaction(engine) as session:
        after = seen[-1] if seen else 0
        events = live_events.read_since(session, after, caller=None, limit=1000)
    seen += [event.position for event in events]


def test_writers_and_numberers_at_once_leave_no_gap_and_a_reader_misses_nothing(
    engine: Engine,
) -> None:
    seen: list[int] = []
    written = threading.Event()

    def until_written(work: Callable[[], object]) -> None:
        while not written.is_set():
            work()

    with ThreadPoolExecutor(9) as pool:
        others = [
            pool.submit(until_written, work)
            for work in (
                lambda: number_all(engine),
                lambda: number_all(engine),
                lambda: follow(engine, seen),
            )
        ]
        writers = [pool.submit(write_some, engine, writer) for writer in range(6)]
        for writer in writers:
            writer.result()
        written.set()
        for other in others:
            other.result()
    number_all(engine)
    follow(engine, seen)
    with transaction(engine) as session:
        written_count = session.scalar(select(func.count()).select_from(LiveEvent))
    assert seen == list(range(1, (written_count or 0) + 1))


def test_a_party_reads_its_own_and_staff_and_the_backend_read_all(engine: Engine) -> None:
    with transaction(engine) as session:
        announce(session, "1", "pty_buyer", "pty_seller")
        announce(session, "2", "pty_other")
        announce(session, "3", "pty_seller")
    number_all(engine)

    def read(role: Role, party_id: str | None) -> list[str]:
        caller = Caller(principal="p", role=role, party_id=party_id)
        with transaction(engine) as session:
            events = live_events.read_since(session, 0, caller=caller, limit=10)
        return [event.subject_id for event in events]

    assert read(Role.BUYER, "pty_buyer") == ["1"]
    assert read(Role.SELLER, "pty_seller") == ["1", "3"]
    assert read(Role.BUYER, None) == []
    assert read(Role.SUPPORT, None) == ["1", "2", "3"]
    assert read(Role.SERVICE, None) == ["1", "2", "3"]


def test_reading_goes_on_after_a_position_up_to_a_limit(engine: Engine) -> None:
    with transaction(engine) as session:
        for n in range(5):
            announce(session, str(n))
    number_all(engine)
    with transaction(engine) as session:
        events = live_events.read_since(session, 1, caller=None, limit=2)
    assert [event.position for event in events] == [2, 3]


def test_events_come_through_redis_as_they_were() -> None:
    event = NumberedEvent(
        position=7,
        topic="payment.updated",
        subject_id=secrets.token_hex(4),
        audience=["pty_1"],
        data={"amount": "12500", "name": "Zoë"},
    )
    assert live_events.from_wire(live_events.to_wire([event]).encode()) == [event]


def test_only_old_numbered_changes_are_pruned(engine: Engine) -> None:
    with transaction(engine) as session:
        announce(session, "numbered")
    number_all(engine)
    with transaction(engine) as session:
        announce(session, "pending")
    with transaction(engine) as session:
        later = NOW + dt.timedelta(days=1)
        assert live_events.prune(session, created_before=later, limit=10) == 1
        assert live_events.last_position(session) == 1
    assert [event.position for event in number_all(engine)] == [2]
