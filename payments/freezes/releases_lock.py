"""The lock between freezes and releases: a freeze is answered when no release before it still runs.

Whoever releases shares it from before they ask for freezes until what they do is done: committed,
or handed to a chain. Whoever freezes writes the freeze, commits, and then waits for it alone: so a
release either saw the freeze, or had ended before the freeze was answered.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

_KEY = 4_937_120_008
"""Any number that no other advisory lock of this database uses."""
_LONGEST_WAIT_S = 25

_SHARE = text("SELECT pg_advisory_xact_lock_shared(:key)")
_TAKE_ALONE = text("SELECT pg_advisory_xact_lock(:key)")
_HOLD = text("SELECT pg_advisory_lock_shared(:key)")
_LET_GO = text("SELECT pg_advisory_unlock_shared(:key)")


def share_releases_lock(session: Session) -> None:
    """Share the lock until this transaction ends; take it first, before any row is locked."""
    session.execute(_SHARE, {"key": _KEY})


@contextmanager
def holding_releases_lock(connection: Connection) -> Iterator[None]:
    """Share the lock on a connection of its own while the block runs, over transactions.

    For what happens outside the database: ask for freezes inside of the block, in a new
    transaction, and do it inside of the block too. If the connection breaks, so does the lock;
    the block should be short, for freezes wait for it.
    """
    connection.execute(_HOLD, {"key": _KEY})
    connection.commit()
    try:
        yield
    finally:
        if not connection.closed and not connection.invalidated:
            connection.rollback()
            connection.execute(_LET_GO, {"key": _KEY})
            connection.commit()


def wait_for_releases(session: Session) -> None:
    """Wait, for 25 seconds at most, until nobody shares the lock, and have it alone.

    Raises:
        OperationalError: somebody still shared it then.
    """
    session.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT_S}s'"))
    session.execute(_TAKE_ALONE, {"key": _KEY})
