"""Reads JSON so that no two programs can read one body differently (OWASP ASVS 5.0, 1.5.3).

UTF-8 without a mark, no field twice, no NaN, no floats (a fraction arrives as Decimal), nothing
too deep or too long, and no text that a database could not keep.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from payments.errors import InvalidRequestError

DEEPEST = 32
LONGEST_NUMBER = 100
_BOM = b"\xef\xbb\xbf"
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = re.compile(rb"[^\[\]{}]+")
_ONE_MORE, _ONE_LESS = b"[{", b"]}"


def parse_json(body: bytes) -> Any:
    """Return what a JSON body says.

    Raises:
        InvalidRequestError: it is not JSON, or JSON that can be read in two ways; it says which.
    """
    if body.startswith(_BOM):
        raise InvalidRequestError("The body begins with a byte order mark: send UTF-8 without it.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The body is not UTF-8: encode it so.") from error
    if "\0" in text:
        raise InvalidRequestError("The body holds NUL bytes, as UTF-16 does: send UTF-8.")
    if _is_too_deep(body):
        raise InvalidRequestError(f"The body is nested deeper than {DEEPEST} levels: flatten it.")
    try:
        found = json.loads(
            text,
            object_pairs_hook=_object_without_repeats,
            parse_constant=_refuse_constant,
            parse_float=_fraction,
            parse_int=_whole,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("The body is not valid JSON in UTF-8.") from error
    if b"\\u" in body:
        _refuse_odd_characters(found)
    return found


def _is_too_deep(body: bytes) -> bool:
    """Count brackets outside of strings, before anything is nested in earnest."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for bracket in _NOT_BRACKETS.sub(b"", _STRING.sub(b"", body)):
        if bracket in _ONE_MORE:
            depth += 1
            if depth > DEEPEST:
                return True
        elif bracket in _ONE_LESS:
            depth -= 1
    return False


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidRequestError("The body gives a field twice: leave one out.")
    return found


def _refuse_constant(_name: str) -> NoReturn:
    raise InvalidRequestError("The body holds NaN or Infinity, which are not JSON: use null.")


def _whole(digits: str) -> int:
    _refuse_long(digits)
    return int(digits)


def _fraction(digits: str) -> Decimal:
    _refuse_long(digits)
    if "e" in digits.lower():  # 1e999999999 is short, and no memory holds its digits
        raise InvalidRequestError("The body holds a number with an exponent: write its digits.")
    return Decimal(digits)


def _refuse_long(digits: str) -> None:
    if len(digits) > LONGEST_NUMBER:
        raise InvalidRequestError(f"The body holds a number of over {LONGEST_NUMBER} digits.")


def _refuse_odd_characters(found: Any) -> None:
    for text in _texts(found):
        if "\0" in text:
            raise InvalidRequestError("The body holds the character NUL (\\u0000): leave it out.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequestError(
                "The body holds half a character (\\ud800 to \\udfff): escape both halves."
            ) from error


def _texts(found: Any) -> Iterator[str]:
    """Yield all texts, names of fields included; the depth was looked at before."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict):
        for name, inner in found.items():
            yield name
            yield from _texts(inner)
    elif isinstance(found, list):
        for inner in found:
            yield from _texts(inner)
