"""The steps of time of a chart: days, weeks, months or years, whichever are few enough to read."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

_DAYS_MOST = 46
_WEEKS_MOST = 53
_MONTHS_MOST = 60
DAYS = 90  # what a chart shows when no period is asked for


class Step(NamedTuple):
    """Days that are shown as one; `label` names the day, the month, or a week's last day."""

    label: str
    last_day: dt.date


def steps_of(first_day: dt.date, last_day: dt.date) -> tuple[str, list[Step]]:
    """Return what a step is, `day`, `week`, `month` or `year`, and the steps of a period.

    The first and the last may be shorter than others; weeks begin on Mondays (ISO 8601).
    """
    days = (last_day - first_day).days + 1
    if days <= _DAYS_MOST:
        unit = "day"
    elif days <= _WEEKS_MOST * 7:
        unit = "week"
    else:
        unit = "month" if days <= _MONTHS_MOST * 31 else "year"
    return unit, list(_steps(first_day, last_day, unit))


def _steps(first_day: dt.date, last_day: dt.date, unit: str) -> Iterator[Step]:
    day = first_day
    while day <= last_day:
        end = min(_end(day, unit), last_day)
        yield Step(_label(day, end, unit), end)
        if end == dt.date.max:
            return
        day = end + dt.timedelta(days=1)


def _end(day: dt.date, unit: str) -> dt.date:
    if unit == "day":
        return day
    if unit == "week":
        return day + dt.timedelta(days=6 - day.weekday())
    if unit == "month":
        return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
    return day.replace(month=12, day=31)


def _label(first_day: dt.date, last_day: dt.date, unit: str) -> str:
    if unit == "month":
        return f"{first_day:%Y-%m}"
    return f"{first_day:%Y}" if unit == "year" else last_day.isoformat()
