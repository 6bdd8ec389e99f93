"""Fees: what the platform earned by releases, and what providers and networks took, by month."""

import calendar
import dataclasses
import datetime as dt
from collections.abc import Iterator

from ledger import reporting
from payments.reports.drill_down import to_report
from payments.reports.reading import Reading
from payments.reports.report import Cell, Column, Report

EARNED = "income"
PAID = "expenses"
COLUMNS = (
    Column("first_day", "From", "date"),
    Column("last_day", "To", "date"),
    Column("direction", "Earned or paid"),
    Column("account", "Account"),
    Column("asset", "Asset"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
    Column("amount", "Amount", "amount", adds_up=False),
)
_DIRECTIONS = ((EARNED, "earned", -1), (PAID, "paid", 1))


def fees(reading: Reading) -> Report:
    """Return what was earned and paid, a row for each month, account and asset.

    Without a first day all that was before comes as one row; `amount` is in the natural sign.
    """

    def drill_down(row: tuple[Cell, ...]) -> str:
        return to_report(
            reading,
            "general-ledger",
            first_day=row[0],
            last_day=row[1],
            control=row[3],
            asset=row[4],
        )

    return reading.report(
        "Fees",
        COLUMNS,
        _rows(reading),
        drill_down=drill_down,
    )


def _rows(reading: Reading) -> Iterator[tuple[Cell, ...]]:
    scope = reading.scope
    for first, last in months(scope.first_day, scope.last_day or scope.as_of.date()):
        month = dataclasses.replace(scope, first_day=first, last_day=last)
        for account, direction, sign in _DIRECTIONS:
            found = reporting.trial_balance(reading.connection, month, account=account)
            for row in found:
                if row.debit or row.credit:
                    moved = sign * (row.debit - row.credit)
                    yield (
                        first,
                        last,
                        direction,
                        row.account,
                        row.asset,
                        row.debit,
                        row.credit,
                        moved,
                    )


def months(first: dt.date | None, last: dt.date) -> Iterator[tuple[dt.date | None, dt.date]]:
    """Yield the months from `first` to `last`, the outer ones cut; one stretch without `first`."""
    if first is None:
        yield None, last
        return
    while first <= last:
        end = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        yield first, min(end, last)
        first = end + dt.timedelta(days=1)
