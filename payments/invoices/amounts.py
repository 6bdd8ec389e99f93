"""Amounts and rates as a document writes them: exact, and under each other digit by digit."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from payments.invoices.document import Document

FEWEST_DECIMALS = 2
MOST_KEPT = 3
"""Up to so many decimals all are written; of a longer fraction, the zeros no amount needs go."""

# So many characters of an amount fit into a column of the usual width, and into a wider one.
_USUAL, _WIDE = 12, 19


@dataclass(frozen=True)
class Amounts:
    """Writes minor units of a currency with `exponent` decimals, of which `shown` are written."""

    exponent: int
    shown: int
    width: Literal["", "wide", "widest"] = ""

    @classmethod
    def of(cls, document: Document) -> "Amounts":
        """Return what writes all amounts of a document with the same number of decimals."""
        values = [
            *(line.unit_amount for line in document.lines),
            *(line.net for line in document.lines),
            *(share.tax for share in document.taxes),
            *(share.net for share in document.taxes),
            *(payment.amount for payment in document.payments),
            document.amount,
            document.paid,
            document.due,
        ]
        plain = cls(document.exponent, _decimals_needed(values, document.exponent))
        longest = max(len(plain.written(value)) for value in values)
        width: Literal["", "wide", "widest"]
        width = "" if longest <= _USUAL else "wide" if longest <= _WIDE else "widest"
        return cls(plain.exponent, plain.shown, width)

    def written(self, amount: int) -> str:
        """Return an amount with thousands apart: 123456789 of EUR is `1,234,567.89`."""
        whole, fraction = divmod(abs(amount), 10**self.exponent)
        sign = "\N{MINUS SIGN}" if amount < 0 else ""
        if not self.shown:
            return f"{sign}{whole:,}"
        digits = f"{fraction:0{self.exponent}d}"[: self.shown]
        return f"{sign}{whole:,}.{digits}"


def written_rate(rate: Decimal) -> str:
    """Return a rate in percent: `19 %`, `7.5 %`; the space does not break."""
    text = f"{rate.normalize():f}"
    return f"{text}\N{NO-BREAK SPACE}%"


def _decimals_needed(values: list[int], exponent: int) -> int:
    if exponent <= MOST_KEPT:
        return exponent
    needed = exponent
    while needed > FEWEST_DECIMALS and all(v % 10 ** (exponent - needed + 1) == 0 for v in values):
        needed -= 1
    return needed
