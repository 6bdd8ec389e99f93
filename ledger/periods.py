"""Closing the books: after it, nothing can be posted that occurred before, until they reopen."""

import datetime as dt

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ledger.errors import NotClosedError


def close_books(connection: Connection, through: dt.datetime) -> dt.datetime:
    """Close the books through a moment; it waits for entries being written at this moment.

    Returns when that was: nothing can be recorded any more with a `recorded_at` up to then, and no
    writer gets in between before this transaction ends. Closing an earlier moment than what is
    closed changes nothing.
    """
    value = connection.exec_driver_sql("SELECT ledger.close_books(%s)", (through,)).scalar_one()
    assert isinstance(value, dt.datetime)  # noqa: S101 - what the function returns
    return value


def reopen_books(connection: Connection, closed: dt.datetime) -> dt.datetime | None:
    """Reopen what was closed last; return the moment through which the books are closed now.

    `closed` is the moment that the caller believes them closed through.

    Raises:
        NotClosedError: they are not, or through another moment; nothing was changed.
    """
    if closed_through(connection) != closed:
        raise NotClosedError(f"the books are not closed through {closed.isoformat()}")
    try:
        with connection.begin_nested():
            value = connection.exec_driver_sql("SELECT ledger.reopen_books(%s)", (closed,)).scalar()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "LE006":
            raise
        raise NotClosedError(f"the books are not closed through {closed.isoformat()}") from error
    return value if isinstance(value, dt.datetime) else None


def closed_through(connection: Connection) -> dt.datetime | None:
    """Return the moment through which the books are closed; None if nothing is."""
    value = connection.exec_driver_sql("SELECT ledger.closed_through()").scalar()
    return value if isinstance(value, dt.datetime) else None


def hold_closed_through(connection: Connection) -> dt.datetime | None:
    """Return the same to whoever is about to post, and keep it so until the transaction ends.

    A closing or reopening under way is waited for; later ones wait for this transaction.
    """
    value = connection.exec_driver_sql("SELECT ledger.hold_closed_through()").scalar()
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
