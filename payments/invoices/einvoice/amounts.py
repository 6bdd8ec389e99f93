"""Minor units as the decimals that an e-invoice shows, and the arithmetic its rules check."""

from decimal import Decimal
from fractions import Fraction

from payments.invoices.document import TaxShare

MOST_DECIMALS = 2  # BR-DEC-01 to BR-DEC-28
_TOLERANCE = 1  # less than a whole unit of the currency, in BR-S-09 as it is published


def plain_amount(minor_units: int, exponent: int) -> Decimal:
    """Return the amount in whole units, exactly and never in scientific notation."""
    digits = tuple(int(digit) for digit in str(abs(minor_units)))
    return Decimal((int(minor_units < 0), digits, -exponent))


def tax_follows_rate(share: TaxShare, *, exponent: int) -> bool:
    """Whether the tax is what the rules allow: off by less than a unit, none below half a percent.

    So BR-CO-17 and BR-S-09, as they are published with Factur-X 1.0.
    """
    tax = Fraction(share.tax, 10**exponent)
    if round(share.rate) == 0:
        return tax < Fraction(1, 2)
    expected = Fraction(share.net, 10**exponent) * Fraction(share.rate) / 100
    rounded = Fraction(int(expected * 100 + Fraction(1, 2)), 100)
    return abs(tax - rounded) < _TOLERANCE
