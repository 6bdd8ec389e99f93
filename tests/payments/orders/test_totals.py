"""An order's totals: net per rate, tax rounded half up once per rate."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.orders.totals import LineInput, compute_totals, plain_rate, tax_of


def line(quantity: int, unit_amount: int, rate: str) -> LineInput:
    return LineInput("x", quantity, unit_amount, Decimal(rate))


@pytest.mark.parametrize(
    ("net", "rate", "tax"),
    [
        (10_000, "19", 1_900),
        (50, "1", 1),  # exactly half: up
        (49, "1", 0),
        (5, "10", 1),
        (1, "0", 0),
        (333, "7.5", 25),
        (10**60 + 50, "1", 10**58 + 1),  # no digit is lost
        (1, "100", 1),
    ],
)
def test_tax_is_rounded_half_up(net: int, rate: str, tax: int) -> None:
    assert tax_of(net, Decimal(rate)) == tax


def test_tax_is_rounded_once_per_rate_and_not_per_line() -> None:
    # 3 x 0.03 at 19 % is 0.0171 once, not three times 0.0057 rounded to a cent each.
    totals = compute_totals([line(1, 3, "19")] * 3 + [line(2, 1_000, "7"), line(1, 500, "0")])
    assert (totals.net, totals.tax, totals.amount) == (2_509, 2 + 140, 2_651)


def test_one_rate_written_in_two_ways_is_one_rate() -> None:
    assert compute_totals([line(1, 3, "19"), line(1, 3, "19.000")]).tax == 1
    assert [str(plain_rate(Decimal(rate))) for rate in ("19.000", "20", "7.50", "0.0")] == [
        "19",
        "20",
        "7.5",
        "0",
    ]


@given(
    lines=st.lists(
        st.builds(
            LineInput,
            description=st.just("x"),
            quantity=st.integers(1, 1_000),
            unit_amount=st.integers(0, 10**30),
            tax_rate=st.decimals(0, 100, places=3),
        ),
        max_size=8,
    )
)
def test_rounding_never_moves_a_rate_by_more_than_half_a_unit(lines: list[LineInput]) -> None:
    totals = compute_totals(lines)
    assert compute_totals(reversed(lines)) == totals
    thousandths = sum(line.net * int(line.tax_rate * 1000) for line in lines)
    rates = len({line.tax_rate for line in lines})
    assert abs(totals.tax * 200_000 - thousandths * 2) <= rates * 100_000
