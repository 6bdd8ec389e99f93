"""Amounts and dates as files write them, read exactly or refused: never guessed, never rounded."""

import datetime as dt
import re
from collections.abc import Mapping

from payments.reconciliation.statements.errors import quoted, refuse_at

_MOST_DIGITS = 30
_DECIMAL = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?")
_EARLIEST = dt.date(1990, 1, 1)

Scales = Mapping[str, int]
"""How many decimals each currency has, by its ISO 4217 code."""


def minor_units(
    text: str, *, currency: str, scales: Scales, where: str, field: str, shown: str | None = None
) -> int:
    """Return the minor units of a decimal with a point: `12.5` EUR is 1250.

    `shown` is how the file writes it, where that differs. Zeros behind the currency's decimals
    change nothing and are allowed.

    Raises:
        StatementError: it is not a number, too fine for the currency, or the currency is unknown.
    """
    scale = scale_of(currency, scales=scales, where=where)
    found = _DECIMAL.fullmatch(text)
    quote = quoted(text if shown is None else shown)
    if found is None or not (found["whole"] or found["part"]):
        raise refuse_at(where, field, f"{quote} is not an amount.")
    whole, part = found["whole"], (found["part"] or "").rstrip("0")
    if len(whole) + len(part) > _MOST_DIGITS:
        raise refuse_at(where, field, f"{quote} has more digits than any amount.")
    if len(part) > scale:
        told = f"{quote} has more than the {scale} decimals of {currency}."
        raise refuse_at(where, field, told)
    units = int((whole + part.ljust(scale, "0")) or "0")
    return -units if found["sign"] == "-" else units


def scale_of(currency: str, *, scales: Scales, where: str) -> int:
    """Return the currency's decimals.

    Raises:
        StatementError: the ledger does not know the currency.
    """
    scale = scales.get(currency)
    if scale is None:
        told = f"{quoted(currency)} is not a currency of the ledger."
        raise refuse_at(where, "currency", told)
    return scale


def display(units: int, *, currency: str, scales: Scales) -> str:
    """Return minor units as people write them, with the currency: `-12.50 EUR`."""
    scale = scales[currency]
    digits = str(abs(units)).rjust(scale + 1, "0")
    cut = len(digits) - scale
    point = f".{digits[cut:]}" if scale else ""
    return f"{'-' if units < 0 else ''}{digits[:cut]}{point} {currency}"


def make_date(year: int, month: int, day: int, *, text: str, where: str, field: str) -> dt.date:
    """Return the date, when there is such a day since 1990.

    Raises:
        StatementError: there is not.
    """
    try:
        date = dt.date(year, month, day)
    except ValueError:
        raise refuse_at(where, field, f"{quoted(text)} is not a date.") from None
    if date < _EARLIEST:
        raise refuse_at(where, field, f"{quoted(text)} is before {_EARLIEST}.")
    return date
