"""Closing the books: after it, nothing can be posted that occurred before."""

import datetime as dt

from sqlalchemy import Connection


def close_books(connection: Connection, through: dt.datetime) -> None:
    """Close the books through a moment; it waits for entries being written at this moment.

    Closing an earlier moment than the latest changes nothing.
    """
    connection.exec_driver_sql("SELECT ledger.close_books(%s)", (through,))


def closed_through(connection: Connection) -> dt.datetime | None:
    """Return the moment through which the books are closed; None if they never were."""
    value = connection.exec_driver_sql(
        "SELECT max(closed_through) FROM ledger.closed_periods"
    ).scalar()
    return value if isinstance(value, dt.datetime) else None


def end_of_month(month: str) -> dt.datetime:
    """Return the last microsecond in UTC of a month written `2026-10`.

    Raises:
        ValueError: not a month.
    """
    try:
        first = dt.datetime.strptime(month, "%Y-%m").replace(tzinfo=dt.UTC)
    except ValueError:
        raise ValueError(f"{month!r} is not a month; write it like 2026-10") from None
    following = (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return following - dt.timedelta(microseconds=1)
