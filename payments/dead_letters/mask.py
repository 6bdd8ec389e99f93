"""Masks what is inside of a dead letter: its form, ids, states and amounts stay, people do not.

What may be shown is listed; everything else that is text is masked, so that a field nobody thought
of shows nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

from payments.privacy.redaction import redact

MASK = "•••"
_DEEPEST = 12
_MOST = 200  # of one list

_SHOWN = frozenset(
    """
    amount amount_captured amount_in_minor amount_received amount_refunded api_version brand
    capture_method code currency decline_code failure_code livemode network_decline_code
    next_step object outcome payment_method_types provider_status rail reason seller_message
    state status topic type action cause origin kind job source scheme
    """.split()  # noqa: SIM905 - a list of names reads better without quotes
)
_ID = re.compile(r"[a-z]{2,10}(_test|_live)?_(?=[A-Za-z]*[0-9])[0-9A-Za-z]{1,80}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,15}(Z|[+-][0-9:]{5}))?")
_OF_PEOPLE = re.compile(r"birth|dob", re.IGNORECASE)  # whose days and figures are masked, too
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


def mask(value: Any) -> Any:
    """Return plain data with all text masked that is not known to be about nobody."""
    return _mask(redact(value), name="", depth=0)


def _mask(value: Any, *, name: str, depth: int) -> Any:
    if depth > _DEEPEST or _OF_PEOPLE.search(name):
        return MASK
    if isinstance(value, Mapping):
        return {key: _mask(one, name=str(key), depth=depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(one, name=name, depth=depth + 1) for one in value[:_MOST]]
    if not isinstance(value, str):
        return value
    return value if _may_be_shown(name, value) else MASK


def _may_be_shown(name: str, text: str) -> bool:
    if name in _SHOWN and _WORD.fullmatch(text):
        return True
    known = (_ID, _UUID, _MOMENT)
    return any(pattern.fullmatch(text) for pattern in known)
