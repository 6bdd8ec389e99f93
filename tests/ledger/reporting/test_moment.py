"""The moment a report shows: nothing is written into it once it is fixed, and who is waited for."""

import datetime as dt
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import Connection, Engine

from ledger import AccountSpec, Entry, Posting, open_accounts, post, roll_accounts, roll_totals
from ledger.errors import BooksInMotionError
from ledger.reporting import Scope, fix_as_of, general_ledger, journal, trial_balance

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
_numbers = itertools.count(1)


@pytest.fixture
def accounts(engine: Engine) -> tuple[int, int]:
    with engine.begin() as connection:
        cash, owed = open_accounts(
            connection,
            [AccountSpec("assets:till", "USD", "deferred"), AccountSpec("liabilities:one", "USD")],
        ).values()
    return cash, owed


def entry(accounts: tuple[int, int], *, at: dt.datetime = NOON, amount: int = 5) -> Entry:
    postings = [Posting(accounts[0], amount), Posting(accounts[1], -amount)]
    return Entry(f"moment:{next(_numbers):08d}", "test", at, postings)


def clock(engine: Engine) -> dt.datetime:
    """Return the database's time."""
    with engine.begin() as connection:
        now = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    assert isinstance(now, dt.datetime)
    return now


@pytest.fixture
def writer(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin():
        yield connection


def test_a_writer_that_is_not_done_is_waited_for(
    engine: Engine, writer: Connection, accounts: tuple[int, int]
) -> None:
    posted = post(writer, entry(accounts))
    as_of = clock(engine)
    with pytest.raises(BooksInMotionError, match="being written"):
        fix_as_of(engine, as_of, now=as_of, patience_s=0.1)
    with ThreadPoolExecutor(1) as threads:
        fixed = threads.submit(fix_as_of, engine, as_of, now=as_of)
        writer.commit()
        assert fixed.result().sequence == posted.entry_id


def test_a_writer_of_something_else_is_not(engine: Engine, writer: Connection) -> None:
    writer.exec_driver_sql("SELECT pg_current_xact_id()")
    fix_as_of(engine, None, now=clock(engine), patience_s=0)


def test_what_a_writer_records_after_the_moment_is_not_in_it(
    engine: Engine, writer: Connection, accounts: tuple[int, int]
) -> None:
    with engine.begin() as connection:
        before = post(connection, entry(accounts))
    as_of = clock(engine)
    fixed = fix_as_of(engine, as_of, now=as_of)
    posted = post(writer, entry(accounts))
    writer.commit()
    assert fixed.sequence == before.entry_id < posted.entry_id
    assert fix_as_of(engine, as_of, now=as_of) == fixed
    with engine.begin() as connection:
        [last] = list(journal(connection, Scope(as_of=as_of)))[-1:]
    assert last.entry_id == before.entry_id


def test_a_moment_in_the_future_is_not_fixed(engine: Engine) -> None:
    now = clock(engine)
    with pytest.raises(ValueError, match="future"):
        fix_as_of(engine, now + dt.timedelta(microseconds=1), now=now)


def test_a_database_whose_clock_is_behind_is_waited_for(engine: Engine) -> None:
    ahead = clock(engine) + dt.timedelta(hours=1)
    with pytest.raises(BooksInMotionError, match="clock"):
        fix_as_of(engine, ahead, now=ahead, patience_s=0.05)


def test_before_the_first_entry_there_is_no_sequence(engine: Engine) -> None:
    long_ago = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    assert fix_as_of(engine, long_ago, now=clock(engine)) == (long_ago, 0)


def test_the_same_moment_shows_the_same_however_much_is_written_meanwhile(
    engine: Engine, accounts: tuple[int, int]
) -> None:
    """Four posters date back what they write, and the roller takes over entries meanwhile."""
    done = Event()

    def post_on() -> None:
        while not done.is_set():
            number = next(_numbers)
            at = NOON - dt.timedelta(days=number % 40)
            with engine.begin() as connection:
                post(connection, entry(accounts, at=at))
                post(connection, entry(accounts, at=at, amount=number))

    def roll_on() -> None:
        while not done.is_set():
            roll_accounts(engine, least=5)
            roll_totals(engine)

    def show(as_of: dt.datetime) -> list[object]:
        scope = Scope(as_of=as_of, first_day=dt.date(2026, 9, 20), last_day=dt.date(2026, 10, 10))
        with engine.begin() as connection:
            return [
                list(trial_balance(connection, scope)),
                list(trial_balance(connection, scope, detail="account")),
                list(journal(connection, scope)),
                list(general_ledger(connection, scope)),
            ]

    with ThreadPoolExecutor(5) as threads:
        running = [threads.submit(post_on) for _ in range(4)] + [threads.submit(roll_on)]
        try:
            shown = {}
            for _ in range(12):
                fixed = fix_as_of(engine, None, now=clock(engine))
                shown[fixed] = show(fixed.as_of)
        finally:
            done.set()
        for future in running:
            future.result()
    for fixed, rows in shown.items():
        assert show(fixed.as_of) == rows
        assert fix_as_of(engine, fixed.as_of, now=clock(engine)) == fixed
        assert rows[0] == rows[1]  # these accounts are their own control accounts
        with engine.begin() as connection:
            balances = list(trial_balance(connection, Scope(as_of=fixed.as_of)))
        assert sum(row.closing for row in balances) == 0
