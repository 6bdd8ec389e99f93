"""Round numbers for an axis of money, and how they are written; all in whole minor units."""

from decimal import Decimal

from ledger import Asset

_MULTIPLES = (1, 2, 5)
_LARGE = ((10**12, "tn"), (10**9, "bn"), (10**6, "M"), (10**3, "k"))


def ticks(low: int, high: int, *, most: int = 6) -> list[int]:
    """Return round amounts from below `low` to above `high`, zero among them.

    There are `most` steps between them or fewer, all of 1, 2 or 5 times a power of ten.
    """
    low, high = min(low, 0), max(high, 0)
    if low == high:
        return [0, 1]
    step = _step((high - low + most - 1) // most)
    while high - low > 0 and (-(low // step) - (-high // step)) > most:
        step = _step(step + 1)
    return list(range(low // step * step, -(-high // step) * step + step, step))


def short(amount: int, asset: Asset) -> str:
    """Return an amount as an axis shows it, in whole units: `1.5k`, `20M`, `0.002`."""
    value = Decimal(amount).scaleb(-asset.exponent)
    for size, letter in _LARGE:
        if abs(value) >= size:
            return f"{(value / size).normalize():f}{letter}"
    return f"{value.normalize():f}" if value else "0"


def grouped(amount: int, asset: Asset) -> str:
    """Return an amount exactly, in whole units with thousands apart: `1,234,567.89`."""
    whole, point, decimals = asset.display(abs(amount)).partition(".")
    sign = "-" if amount < 0 else ""
    return f"{sign}{int(whole):,}{point}{decimals}"


def _step(least: int) -> int:
    power = 1
    while True:
        for multiple in _MULTIPLES:
            if multiple * power >= least:
                return multiple * power
        power *= 10
