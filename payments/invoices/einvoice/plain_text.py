"""Text that XML can carry: XML 1.0 has no place for most control characters."""

import re

# https://www.w3.org/TR/xml/#charsets: all that is not in Char.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOTHING = "-"


def plain_text(text: str) -> str:
    """Return the text on one line, without what XML refuses; `-` when nothing is left.

    The business rules want names that are not empty (BR-06, BR-07, BR-25).
    """
    return " ".join(_NOT_XML.sub(" ", text).split()) or _NOTHING


def plain_lines(text: str | None) -> list[str]:
    """Return the lines that say something."""
    lines = (plain_text(line) for line in (text or "").splitlines())
    return [line for line in lines if line != _NOTHING]
