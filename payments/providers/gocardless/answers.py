"""Reads GoCardless' answers and events strictly: what is not as documented is not guessed at."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from payments.providers.outcome import OutcomeUnknownError

NOT_AS_DOCUMENTED = (AttributeError, KeyError, TypeError, ValueError)


@contextmanager
def as_documented() -> Iterator[None]:
    """Read an answer inside.

    Raises:
        OutcomeUnknownError: it has not the form that is documented.
    """
    try:
        yield
    except NOT_AS_DOCUMENTED as error:
        fault = f"GoCardless' answer is not as documented ({type(error).__name__})."
        raise OutcomeUnknownError(fault) from None


def text(value: object) -> str:
    """Return a text that is not empty.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str) or not value:
        raise TypeError("a text is missing")
    return value


def amount(value: object) -> int:
    """Return an amount in minor units, zero or more.

    Raises:
        TypeError: it is none.
    """
    if type(value) is not int or value < 0:
        raise TypeError("an amount is not a whole number")
    return value


def moment(value: object) -> dt.datetime:
    """Return a moment such as `2014-05-08T17:01:06.000Z`.

    Raises:
        TypeError, ValueError: it is none.
    """
    when = dt.datetime.fromisoformat(text(value))
    if when.tzinfo is None:
        raise ValueError("a moment has no zone")
    return when.astimezone(dt.UTC)
