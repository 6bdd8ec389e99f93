import datetime as dt

import pytest

from ledger import close_books, closed_through, end_of_month
from tests.ledger.conftest import NOON, Books


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
