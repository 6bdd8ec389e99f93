"""Round numbers beside an axis, and amounts as people write them."""

import itertools
import random

import pytest

from ledger import Asset
from payments.charts.scale import grouped, short, ticks

EUR, JPY, ETH = Asset(1, "EUR", 2), Asset(2, "JPY", 0), Asset(3, "ETH", 18)


def test_ticks_are_round_few_and_reach_around_what_is_shown() -> None:
    draw = random.Random(11)
    for _ in range(500):
        low, high = sorted(
            draw.choice((-1, 1)) * draw.randrange(10 ** draw.randrange(1, 40)) for _ in "ab"
        )
        marks = ticks(low, high)
        assert marks[0] <= low <= high <= marks[-1]
        assert 0 in marks
        assert 2 <= len(marks) <= 8
        [step] = {after - before for before, after in itertools.pairwise(marks)}
        assert str(step).rstrip("0") in {"1", "2", "5"}


def test_nothing_at_all_still_has_an_axis() -> None:
    assert ticks(0, 0) == [0, 1]


@pytest.mark.parametrize(
    ("amount", "asset", "text"),
    [
        (0, EUR, "0"),
        (150_000, EUR, "1.5k"),
        (-2_000_000_00, EUR, "-2M"),
        (50, EUR, "0.5"),
        (3_000_000_000_000, JPY, "3tn"),
        (2 * 10**15, ETH, "0.002"),
        (1, ETH, "0.000000000000000001"),
    ],
)
def test_an_axis_has_short_amounts_in_whole_units(amount: int, asset: Asset, text: str) -> None:
    assert short(amount, asset) == text


@pytest.mark.parametrize(
    ("amount", "asset", "text"),
    [
        (123_456_789, EUR, "1,234,567.89"),
        (-5, EUR, "-0.05"),
        (1_000, JPY, "1,000"),
        (10**18 + 1, ETH, "1.000000000000000001"),
    ],
)
def test_a_point_has_its_exact_amount(amount: int, asset: Asset, text: str) -> None:
    assert grouped(amount, asset) == text
