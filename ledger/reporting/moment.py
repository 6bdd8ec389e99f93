"""Fixes the moment a report shows, so that nothing can still be written into what it shows."""

import datetime as dt
import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine

from ledger.errors import BooksInMotionError

PATIENCE_S = 10.0
_PAUSE_S = 0.01

# Whoever writes an entry holds this lock from before it reads the clock until its transaction
# ends (append_entries, lock_accounts); PostgreSQL itself waits for writers in this way when it
# builds an index beside them.
_WRITERS = """
    SELECT DISTINCT virtualtransaction FROM pg_locks
     WHERE locktype = 'relation' AND relation = 'ledger.entries'::regclass
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND mode = 'RowExclusiveLock' AND granted
"""


class FixedMoment(NamedTuple):
    """What a report shows: entries recorded by `as_of`, the newest of which is `sequence`.

    `sequence` is 0 while there are none.
    """

    as_of: dt.datetime
    sequence: int


def fix_as_of(
    engine: Engine,
    as_of: dt.datetime | None,
    *,
    now: dt.datetime,
    patience_s: float = PATIENCE_S,
    monotonic: Callable[[], float] = time.monotonic,
) -> FixedMoment:
    """Wait until no entry can be recorded any more at or before `as_of`; None is now.

    From then on the entries recorded by `as_of` are the same for ever. Only transactions that
    are writing entries at this moment are waited for, and the database's clock if it is behind.

    Raises:
        BooksInMotionError: there was a writer, or the clock was behind, for too long.
        ValueError: `as_of` is after `now`.
    """
    if as_of is not None and as_of > now:
        raise ValueError("the books of a moment in the future are not written yet")
    deadline = monotonic() + patience_s
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if as_of is None:
            as_of = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()

        def wait_while(condition: Callable[[], object], why: str) -> None:
            while condition():
                if monotonic() >= deadline:
                    raise BooksInMotionError(f"{why} for {patience_s:.0f} s; try again")
                time.sleep(_PAUSE_S)

        def clock_behind() -> bool:
            passed = connection.exec_driver_sql("SELECT clock_timestamp() > %s", (as_of,))
            return not passed.scalar_one()

        def writers() -> set[str]:
            return set(connection.exec_driver_sql(_WRITERS).scalars())

        wait_while(clock_behind, "the database's clock was behind")
        waited_for = writers()
        wait_while(lambda: waited_for & writers(), "entries of that moment were being written")
        sequence = connection.exec_driver_sql("SELECT ledger.sequence_as_of(%s)", (as_of,)).scalar()
    return FixedMoment(as_of, sequence or 0)
