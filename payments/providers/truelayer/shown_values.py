"""Single values of what TrueLayer shows, each checked for its form."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)")
_TEXT_MAX, _SECRET_MAX = 200, 8_000


def text(value: object) -> str:
    """Return a short text.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError("not a text")
    if not 0 < len(value) <= _TEXT_MAX or not value.isprintable():
        raise ValueError("not a short text")
    return value


def secret_text(value: object) -> str:
    """Return a token, which may be long, and goes into headers and addresses.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError("not a text")
    if not 0 < len(value) <= _SECRET_MAX or not (value.isascii() and value.isprintable()):
        raise ValueError("not a token")
    return value


def moment(value: object) -> dt.datetime:
    """Return a moment written as in RFC 3339.

    Raises:
        TypeError, ValueError: it is none, or one without a time zone.
    """
    if not isinstance(value, str):
        raise TypeError("not a moment")
    if not value.isascii() or not _MOMENT.fullmatch(value):
        raise ValueError("not a moment as in RFC 3339")
    return dt.datetime.fromisoformat(value).astimezone(dt.UTC)


def minor_units(value: object) -> int:
    """Return a positive amount in minor units.

    Raises:
        TypeError, ValueError: it is none.
    """
    if type(value) is not int:
        raise TypeError("not an int")
    if value <= 0:
        raise ValueError("not positive")
    return value


def metadata_of(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata of a payment or refund, or of an event about one; it may have none."""
    metadata = shown.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}
