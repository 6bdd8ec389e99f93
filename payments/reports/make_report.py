"""Every report by its name, with what makes it."""

from collections.abc import Callable, Mapping

from payments.reports.reading import Reading
from payments.reports.report import Cell, Report
from payments.reports.trial_balance import trial_balance

MAKERS: Mapping[str, Callable[[Reading], Report]] = {
    "trial-balance": trial_balance,
}
CURSORS: Mapping[str, Callable[[tuple[Cell, ...]], str]] = {}
"""How the last row of a page names where the next one begins."""


def make_report(reading: Reading) -> Report:
    """Return the report that is wanted; its rows are read as they are taken."""
    return MAKERS[reading.wanted.report](reading)
