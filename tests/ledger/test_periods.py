import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ledger import close_books, closed_through, end_of_month, post, reopen_books
from ledger.errors import ClosedPeriodError, NotClosedError
from tests.conditions import is_lock_waited_for, wait_until
from tests.ledger.conftest import NOON, Books

DAY = dt.timedelta(days=1)


def test_books_are_closed_through_the_latest_moment(books: Books) -> None:
    close_books(books.connection, NOON)
    close_books(books.connection, NOON - dt.timedelta(days=1))

    assert closed_through(books.connection) == NOON


@pytest.mark.parametrize(
    ("month", "end"),
    [
        ("2026-02", dt.datetime(2026, 2, 28, 23, 59, 59, 999_999, dt.UTC)),
        ("2028-02", dt.datetime(2028, 2, 29, 23, 59, 59, 999_999, dt.UTC)),
        ("2026-12", dt.datetime(2026, 12, 31, 23, 59, 59, 999_999, dt.UTC)),
    ],
)
def test_a_month_ends_with_its_last_microsecond(month: str, end: dt.datetime) -> None:
    assert end_of_month(month) == end


@pytest.mark.parametrize("month", ["2026-13", "October", "2026-10-01", ""])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        end_of_month(month)


def test_closing_tells_when_nothing_older_could_be_recorded_any_more(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:one")
    post(books.connection, books.entry((cash, 10), (owed, -10)))

    closed_at = close_books(books.connection, NOON - DAY)
    post(books.connection, books.entry((cash, 10), (owed, -10)))

    recorded = books.connection.exec_driver_sql(
        "SELECT recorded_at FROM ledger.entries ORDER BY id"
    ).scalars()
    before, after = recorded
    assert before < closed_at < after


def test_closing_waits_for_whoever_is_writing(fresh_engine: Engine) -> None:
    """What is written meanwhile is in the month that was closed, or refused; never beside it."""

    def close() -> dt.datetime:
        with fresh_engine.begin() as connection:
            return close_books(connection, NOON)

    with ThreadPoolExecutor(1) as threads, fresh_engine.connect() as writer:
        with writer.begin():
            writing = Books(writer)
            cash, owed = writing.open("assets:till"), writing.open("liabilities:one")
            post(writer, writing.entry((cash, 10), (owed, -10)))
            closing = threads.submit(close)
            wait_until(lambda: closing.done() or is_lock_waited_for(fresh_engine))
            assert not closing.done()
            written_at = writer.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        assert closing.result() > written_at
        with writer.begin(), pytest.raises(ClosedPeriodError):
            post(writer, writing.entry((cash, 10), (owed, -10)))


def test_what_was_closed_last_is_reopened_as_far_as_what_was_closed_before(books: Books) -> None:
    for n in range(3):
        close_books(books.connection, NOON + n * DAY)

    assert reopen_books(books.connection, NOON + 2 * DAY) == NOON + DAY
    assert closed_through(books.connection) == NOON + DAY
    close_books(books.connection, NOON + 2 * DAY)
    assert reopen_books(books.connection, NOON + 2 * DAY) == NOON + DAY
    assert reopen_books(books.connection, NOON + DAY) == NOON
    assert reopen_books(books.connection, NOON) is None
    assert closed_through(books.connection) is None


def test_only_what_is_in_force_is_reopened(books: Books) -> None:
    with pytest.raises(NotClosedError):
        reopen_books(books.connection, NOON)
    close_books(books.connection, NOON)
    close_books(books.connection, NOON + DAY)

    with pytest.raises(NotClosedError):
        reopen_books(books.connection, NOON)

    assert closed_through(books.connection) == NOON + DAY


def test_the_database_refuses_what_is_not_in_force_by_itself(books: Books) -> None:
    close_books(books.connection, NOON)
    with pytest.raises(DBAPIError, match=r"LE006|closed through"):
        books.connection.exec_driver_sql("SELECT ledger.reopen_books(%s)", (NOON - DAY,))


def test_a_reopened_period_takes_entries_and_a_closed_one_refuses_them(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:one")
    close_books(books.connection, NOON)
    with pytest.raises(ClosedPeriodError):
        post(books.connection, books.entry((cash, 10), (owed, -10)))

    reopen_books(books.connection, NOON)
    post(books.connection, books.entry((cash, 10), (owed, -10)))
    close_books(books.connection, NOON)

    with pytest.raises(ClosedPeriodError):
        post(books.connection, books.entry((cash, 10), (owed, -10)))
