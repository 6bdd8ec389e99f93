"""Text of people in a header, where only ASCII is sure to arrive: RFC 8187, section 3.2.

`UTF-8''%E7%A5%A8%204711` holds any letter; what does not begin so is taken as it came.
"""

import re
import unicodedata
from urllib.parse import unquote_to_bytes

_EXTENDED = re.compile(r"utf-8'[A-Za-z0-9-]*'(.*)", re.IGNORECASE | re.DOTALL)
_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9!#$&+.^_`|~-])*")
_BREAKS = frozenset({"\u2028", "\u2029"})


def read_header_text(value: str) -> str:
    """Return the text that a header's value stands for.

    Raises:
        ValueError: it begins as encoded text and is none, or holds control characters.
    """
    extended = _EXTENDED.fullmatch(value)
    if extended is None:
        return value
    encoded = extended[1]
    if not _ENCODED.fullmatch(encoded):
        raise ValueError("It is not encoded as RFC 8187 says.")
    text = unquote_to_bytes(encoded).decode()  # UnicodeDecodeError is a ValueError
    if any(unicodedata.category(each) == "Cc" or each in _BREAKS for each in text):
        raise ValueError("It holds control characters.")
    return text


def readable_header_text(value: str | None) -> str | None:
    """Return the text that a header's value stands for; None when there is none, or it is wrong."""
    try:
        return read_header_text(value) if value is not None else None
    except ValueError:
        return None
