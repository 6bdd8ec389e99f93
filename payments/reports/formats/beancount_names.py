"""Our account paths as names that beancount takes, each path by a name of its own.

A part of a beancount name begins with a capital or a digit and has letters, digits and hyphens.
`assets:bank:main` becomes `Assets:Bank:Main`; other characters become a hyphen and their number:
`_` is `-5F`, `.` is `-2E`. A hyphen that would read like such a number is `-2D` itself, and a part
that does not begin with a small letter or a digit is written as it is behind `0-2B`.
"""

import re

_NUMBERED = re.compile("[_.]|-(?=2B|2D|2E|5F)")


def beancount_name(path: str) -> str:
    """Return the name of an account in beancount; two paths never have the same."""
    return ":".join(map(_part, path.split(":")))


def _part(part: str) -> str:
    text = _NUMBERED.sub(lambda found: f"-{ord(found[0]):02X}", part)
    first = part[0]
    if first.islower():
        return first.upper() + text[1:]
    return text if first.isdigit() else f"0-2B{text}"
