"""The codes that EN 16931 knows for countries and currencies, as the XML library lists them."""

import functools
from importlib import resources

from lxml import etree

SCHEMA_FOLDER = resources.files("drafthorse") / "schema"
_LISTS = "Factur-X_1.0.07_EN16931_codedb.xml"


@functools.cache
def countries() -> frozenset[str]:
    """Return the codes of ISO 3166-1 alpha-2 in the code list."""
    return _list_with("DE", "US", "JP")


@functools.cache
def currencies() -> frozenset[str]:
    """Return the alphabetic codes of ISO 4217 in the code list."""
    return _list_with("EUR", "USD", "JPY")


def _list_with(*members: str) -> frozenset[str]:
    # The lists have numbers for names, which change with the release: what is in one tells it.
    lists = etree.fromstring((SCHEMA_FOLDER / _LISTS).read_bytes())
    for one in lists.iter("cl"):
        codes = frozenset(code.get("value", "") for code in one)
        if codes.issuperset(members):
            return codes
    raise LookupError(f"no code list holds {', '.join(members)}")
