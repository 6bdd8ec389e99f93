"""What the console's lists are asked for: filters of the address, and the page after this one.

A form leaves what nobody filled in empty, and then it is not asked for.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import request
from marshmallow import Schema, ValidationError

from payments.errors import InvalidRequestError

PAGE = 50
"""Rows of a list on a page."""

_LOCAL_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")


def asked(*names: str) -> dict[str, str]:
    """Return what the address asks for of these names."""
    return {name: request.args[name] for name in names if request.args.get(name)}


def read_filters(schema: type[Schema], names: Sequence[str]) -> dict[str, Any]:
    """Return the filters as the API itself reads them.

    Raises:
        InvalidRequestError: one cannot be read; `errors` names it.
    """
    try:
        read: dict[str, Any] = schema().load(_with_zone(asked(*names)))
    except ValidationError as error:
        faults = {name: [str(each) for each in told] for name, told in _messages(error).items()}
        raise InvalidRequestError("A filter cannot be read.", errors=faults) from error
    return read


def _messages(error: ValidationError) -> dict[str, list[Any]]:
    """Return what is said of each filter; a query has no fields within fields."""
    found = error.messages
    return found if isinstance(found, dict) else {"filters": found}


def _with_zone(given: Mapping[str, str]) -> dict[str, str]:
    """Return moments with the zone that a browser's field for them leaves out: UTC."""
    return {
        name: f"{value}Z" if _LOCAL_MOMENT.fullmatch(value) else value
        for name, value in given.items()
    }


def page_after(cursor: str | None, given: Mapping[str, str]) -> str | None:
    """Return the query of the page after this one; None when this is the last."""
    return None if cursor is None else urlencode({**given, "after": cursor})
