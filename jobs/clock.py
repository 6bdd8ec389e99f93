"""The clock of the relay and of workers: what they do is told the time."""

import datetime as dt


def clock() -> dt.datetime:
    """Return the time, in UTC."""
    return dt.datetime.now(dt.UTC)
