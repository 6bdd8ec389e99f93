"""Tells VAT identifiers, which begin with a country, from other tax numbers."""

import re

_EU_PREFIX = re.compile(
    "AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI"
)
_SHAPE = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,15}")
_SEPARATORS = re.compile(r"[\s.\-/]+")


def vat_id(tax_id: str | None, *, country: str | None) -> str | None:
    """Return the VAT identifier without separators; None when the number is of another kind."""
    plain = _SEPARATORS.sub("", tax_id or "").upper()
    if not _SHAPE.fullmatch(plain):
        return None
    # Greece has EL and Northern Ireland XI in place of their ISO codes (BR-CO-09).
    return plain if plain[:2] == country or _EU_PREFIX.match(plain) else None
