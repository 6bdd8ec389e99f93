"""The lock between entries by hand and the closing of a month.

Whoever asks for an entry or decides on one shares it until their transaction ends; whoever closes
or reopens a month has it alone. So no entry is asked for in a month that is just being closed.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

_KEY = 4_937_120_061
"""Any number that no other advisory lock of this database uses."""

_SHARE = text("SELECT pg_advisory_xact_lock_shared(:key)")
_TAKE_ALONE = text("SELECT pg_advisory_xact_lock(:key)")


def share_month_lock(session: Session) -> None:
    """Share the lock until this transaction ends; take it first, before any row is locked."""
    session.execute(_SHARE, {"key": _KEY})


def take_month_lock(session: Session) -> None:
    """Have the lock alone until this transaction ends.

    Raises:
        OperationalError: others still shared it after the lock's time-out.
    """
    session.execute(_TAKE_ALONE, {"key": _KEY})
