"""The arithmetic of an order: net per tax rate, tax rounded once per rate, total."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

STANDARD, ZERO_RATED, EXEMPT, REVERSE_CHARGE = TAX_CATEGORIES = (
    "standard",
    "zero_rated",
    "exempt",
    "reverse_charge",
)
"""Why a tax is what it is: S, Z, E and AE of EN 16931's VAT categories (UNCL 5305)."""


@dataclass(frozen=True)
class LineInput:
    """One line as ordered: `unit_amount` in minor units without tax, `tax_rate` in percent.

    Without a `tax_category` the rate tells it; `tax_note` says why a line is exempt.
    """

    description: str
    quantity: int
    unit_amount: int
    tax_rate: Decimal
    tax_category: str | None = None
    tax_note: str | None = None

    @property
    def category(self) -> str:
        """Why the tax is what it is: one of `TAX_CATEGORIES`."""
        return self.tax_category or category_of(self.tax_rate)

    @property
    def net(self) -> int:
        """The line's amount without tax."""
        return self.quantity * self.unit_amount


@dataclass(frozen=True)
class Totals:
    """An order's amounts in minor units."""

    net: int
    tax: int

    @property
    def amount(self) -> int:
        """What the buyer pays."""
        return self.net + self.tax


def compute_totals(lines: Iterable[LineInput]) -> Totals:
    """Add up the lines.

    Tax is computed on the sum of each rate and rounded half up there, not line by line, as an
    invoice states it.
    """
    net_by_rate: dict[Decimal, int] = defaultdict(int)
    for line in lines:
        net_by_rate[line.tax_rate] += line.net
    return Totals(
        net=sum(net_by_rate.values()),
        tax=sum(tax_of(net, rate) for rate, net in net_by_rate.items()),
    )


def tax_of(net: int, rate: Decimal) -> int:
    """Return `rate` percent of `net`, rounded half up, exactly for amounts of any size."""
    return math.floor(Fraction(net) * Fraction(rate) / 100 + Fraction(1, 2))


def category_of(rate: Decimal) -> str:
    """Return the category of a rate that comes without one."""
    return STANDARD if rate else ZERO_RATED


def plain_rate(rate: Decimal) -> Decimal:
    """Return the rate written in one way only: `19` for 19.000, `7.5` for 7.50."""
    whole = rate.to_integral_value()
    return whole if rate == whole else rate.normalize()
