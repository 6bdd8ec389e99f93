"""What banks write where they have no reference."""

import re

_SEPARATORS = re.compile(r"[\W_]+")
_PLACEHOLDERS = frozenset(
    {"NONREF", "NOTPROVIDED", "NOTAVAILABLE", "NONE", "NA", "UNKNOWN", "KREF", "EREF", "NOREF"}
)


def given(reference: str | None) -> str | None:
    """Return the reference, or None when it only says that there is none."""
    if reference is None:
        return None
    folded = _SEPARATORS.sub("", reference.upper())
    return None if not folded.strip("0") or folded in _PLACEHOLDERS else reference
