"""Shows a month with its checklist, a few at a time: it may read the whole journal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from payments.errors import TooManyRequestsError
from payments.periods.close_period import STATEMENT_TIMEOUT_S
from payments.periods.months import read_month
from payments.periods.read_periods import PeriodView, read_period
from web.parts import current_parts

MOST_AT_ONCE = 2
"""In one process. Payments need the database meanwhile."""

_RETRY_AFTER_S = 10
_room = threading.BoundedSemaphore(MOST_AT_ONCE)


def show_month(month: str) -> PeriodView:
    """Return a month, written as 2026-10.

    Raises:
        TooManyRequestsError: as many as may be are being checked by this process.
    """
    parts = current_parts()
    with one_of_few():
        return read_period(
            parts.engine,
            read_month(month),
            now=parts.now(),
            statement_timeout_s=STATEMENT_TIMEOUT_S,
        )


@contextmanager
def one_of_few() -> Iterator[None]:
    """Be one of the few that check a month.

    Raises:
        TooManyRequestsError: as many as may be are being checked by this process.
    """
    if not _room.acquire(blocking=False):
        raise TooManyRequestsError(
            f"{MOST_AT_ONCE} months are being checked at once.", retry_after_s=_RETRY_AFTER_S
        )
    try:
        yield
    finally:
        _room.release()
