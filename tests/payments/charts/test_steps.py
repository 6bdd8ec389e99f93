"""Days, weeks, months or years: always few enough to read, and every day in exactly one."""

import datetime as dt

import pytest

from payments.charts.steps import steps_of

FIRST = dt.date(2026, 8, 12)  # a Wednesday


@pytest.mark.parametrize(
    ("days", "unit", "labels"),
    [
        (1, "day", ["2026-08-12"]),
        (46, "day", None),
        (47, "week", ["2026-08-16", "2026-08-23"]),
        (371, "week", None),
        (372, "month", ["2026-08", "2026-09"]),
        (3000, "year", ["2026", "2027"]),
    ],
)
def test_the_longer_the_period_the_longer_a_step(
    days: int, unit: str, labels: list[str] | None
) -> None:
    last = FIRST + dt.timedelta(days=days - 1)
    found, steps = steps_of(FIRST, last)
    assert found == unit
    assert steps[-1].last_day == last
    assert len(steps) <= 61
    assert len({step.label for step in steps}) == len(steps)
    ends = [step.last_day for step in steps]
    assert ends == sorted(set(ends))
    if labels is not None:
        assert [step.label for step in steps[: len(labels)]] == labels


def test_the_end_of_time_ends() -> None:
    _unit, steps = steps_of(dt.date(9999, 12, 30), dt.date.max)
    assert [step.last_day for step in steps] == [dt.date(9999, 12, 30), dt.date.max]
