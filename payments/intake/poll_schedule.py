"""When a payment that nobody told the end of is asked about at its provider: ever more rarely."""

import datetime as dt

POLLS_AFTER = tuple(
    dt.timedelta(minutes=minutes) for minutes in (2, 10, 30, 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60)
)
"""Counted from when the payment was made; after the last of these, once a day."""

GIVEN_UP_AFTER = dt.timedelta(hours=24)
"""A card payment that has not succeeded by then is given up: the payer has left."""


def first_poll_at(created_at: dt.datetime) -> dt.datetime:
    """Return when to ask about a new payment."""
    return created_at + POLLS_AFTER[0]


def next_poll_at(
    created_at: dt.datetime, *, now: dt.datetime, not_after: dt.datetime
) -> dt.datetime:
    """Return when to ask about a payment next: at `not_after` at the latest, while that is to come.

    That is when it is given up.
    """
    age = now - created_at
    later = (created_at + after for after in POLLS_AFTER if after > age)
    planned = next(later, now + dt.timedelta(days=1))
    return min(planned, not_after) if not_after > now else planned
