"""What banks write where they have no reference."""

_PLACEHOLDERS = frozenset(
    {"NONREF", "NOTPROVIDED", "NOTAVAILABLE", "NONE", "NA", "UNKNOWN", "KREF", "EREF", "NOREF"}
)


def given(reference: str | None) -> str | None:
    """Return the reference, or None when it only says that there is none."""
    if reference is None:
        return None
    folded = "".join(character for character in reference.upper() if character.isalnum())
    return None if not folded.strip("0") or folded in _PLACEHOLDERS else reference
