"""Lines without a name: the one expectation of their amount near their date, as a suggestion."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Set as AbstractSet

from payments.reconciliation.matching.board import Board, days_after
from payments.reconciliation.matching.identity import said_days
from payments.reconciliation.matching.model import (
    CERTAINTY,
    OpenExpectation,
    OpenLine,
    Policy,
    Rule,
    Suggestion,
)


def by_amount_and_date(
    board: Board, policy: Policy, nameless: AbstractSet[str]
) -> dict[str, Suggestion]:
    """Return a suggestion by line, where one line and one expectation alone have an amount.

    Alone means: within the window of each other's date. An amount and a date are never enough to
    match automatically: prices repeat, and many customers pay on one day.
    """
    lines: dict[tuple[str, int], list[OpenLine]] = defaultdict(list)
    for line in board.open_lines():
        if line.id in nameless:
            lines[line.currency, line.amount].append(line)
    waiting: dict[tuple[str, int], list[OpenExpectation]] = defaultdict(list)
    for one in board.open_expectations():
        if (one.currency, one.amount) in lines:
            waiting[one.currency, one.amount].append(one)
    found = {}
    for kind, group in lines.items():
        lines_on = [line.booked_on for line in group]
        waiting_on = [one.occurred_on for one in waiting[kind]]
        for line in group:
            first, last = _reach(waiting_on, line.booked_on, policy)
            if last - first == 1:
                one = waiting[kind][first]
                of_lines, to_lines = _reach(lines_on, one.occurred_on, policy)
                if to_lines - of_lines == 1:
                    found[line.id] = _suggestion(line, one)
    return found


def _reach(days: list[dt.date], day: dt.date, policy: Policy) -> tuple[int, int]:
    """Return from where to where sorted days are within the window of this one."""
    window = dt.timedelta(days=policy.date_window_days)
    return bisect_left(days, day - window), bisect_right(days, day + window)


def _suggestion(line: OpenLine, one: OpenExpectation) -> Suggestion:
    apart = said_days(days_after(line, one))
    reason = f"the only one of this amount near this date; {apart}"
    return Suggestion((one.id,), CERTAINTY[Rule.AMOUNT_DATE], reason)
