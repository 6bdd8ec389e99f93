"""Reading camt elements: by local name, whatever version's namespace they are in."""

import datetime as dt
import re

from lxml import etree

from payments.reconciliation.statements.errors import quoted, refuse_at
from payments.reconciliation.statements.values import Scales, make_date, minor_units

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T.*|Z|[+-]\d{2}:\d{2})?", re.ASCII)
_LONGEST = 2000
_SIGNS = {"CRDT": 1, "DBIT": -1}


def local_name(element: etree._Element) -> str:
    """Return the element's name without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def first(element: etree._Element, *path: str) -> etree._Element | None:
    """Return the first descendant along `path`, or None; the first child of each name is meant."""
    found: etree._Element | None = element
    for name in path:
        if found is None:
            return None
        found = next(found.iterchildren(f"{{*}}{name}"), None)
    return found


def text_of(element: etree._Element, *path: str) -> str | None:
    """Return the text along `path` without the space around it; None when there is none."""
    found = first(element, *path)
    return None if found is None else own_text(found)


def own_text(element: etree._Element) -> str | None:
    """Return the element's own text, cut where no bank's text goes on."""
    text = " ".join((element.text or "").split())
    return text[:_LONGEST] or None


def texts_of(element: etree._Element, *path: str) -> list[str]:
    """Return every text along `path`, in the file's order."""
    found = [element]
    for name in path:
        found = [child for parent in found for child in parent.iterchildren(f"{{*}}{name}")]
    return [text for text in map(own_text, found) if text]


def amount_of(
    element: etree._Element, *, where: str, field: str, scales: Scales
) -> tuple[int, str]:
    """Return what an element's `Amt` and `CdtDbtInd` say: minor units with sign, and currency.

    Raises:
        StatementError: one of them is missing or makes no sense.
    """
    amount = first(element, "Amt")
    if amount is not None and len(amount):
        raise refuse_at(where, field, "Amt holds more than a number.")
    text = "" if amount is None else (amount.text or "").strip()
    currency = "" if amount is None else (amount.get("Ccy") or "")
    units = minor_units(text, currency=currency, scales=scales, where=where, field=field)
    if units < 0:
        raise refuse_at(where, field, f"{quoted(text)} has a sign, which CdtDbtInd gives.")
    told = text_of(element, "CdtDbtInd")
    if told not in _SIGNS:
        raise refuse_at(where, field, f"CdtDbtInd is {quoted(told or '')}, not CRDT or DBIT.")
    return units * _SIGNS[told], currency


def date_of(element: etree._Element | None, *, where: str, field: str) -> dt.date:
    """Return the day an element says, itself or in `Dt` or `DtTm`, as on the bank's calendar.

    Raises:
        StatementError: it says none.
    """
    text = None
    if element is not None:
        text = text_of(element, "Dt") or text_of(element, "DtTm") or own_text(element)
    found = _DATE.fullmatch(text or "")
    if text is None or found is None:
        raise refuse_at(where, field, f"{quoted(text or '')} is not a date.")
    year, month, day = map(int, found.groups())
    return make_date(year, month, day, text=text, where=where, field=field)
