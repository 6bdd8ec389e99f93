"""How old what is still open is: of money on its way to us, and of money nobody has explained.

First in, first out: what left an account is taken to be what came in first, so what is open is
what came in last. That needs no matching of items, and comes to the balance exactly.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger import reporting
from ledger.reporting import Scope
from payments.reports.drill_down import to_report
from payments.reports.reading import Reading
from payments.reports.report import Cell, Column, Report

PENDING = ("assets:bank:clearing", "assets:stripe:pending", "assets:transfers:own")
SUSPENSE = ("assets:suspense",)
OLDEST_DAYS = (2, 7, 30, 60, 90)
"""The last day of each age but the oldest, counted back from the report's day."""

COLUMNS = (
    Column("account", "Account"),
    Column("asset", "Asset"),
    Column("age", "Age in days"),
    Column("first_day", "From", "date"),
    Column("last_day", "To", "date"),
    Column("came_in", "Came in", "amount"),
    Column("open", "Still open", "amount"),
)


@dataclass(frozen=True)
class Age:
    """The days that are so many days back; the oldest has no first day."""

    name: str
    first_day: dt.date | None
    last_day: dt.date


def ageing_pending(reading: Reading) -> Report:
    """Return how long money has been with a provider or between banks."""
    return _report(reading, "Ageing of pending money", PENDING)


def ageing_suspense(reading: Reading) -> Report:
    """Return how long money has been in suspense; below zero is money that came in."""
    return _report(reading, "Ageing of suspense", SUSPENSE)


def ages(day: dt.date) -> list[Age]:
    """Return the ages on a day, youngest first."""
    found = []
    youngest = 0
    for oldest in OLDEST_DAYS:
        first, last = day - dt.timedelta(days=oldest), day - dt.timedelta(days=youngest)
        found.append(Age(f"{youngest}-{oldest}", first, last))
        youngest = oldest + 1
    return [*found, Age(f"over {OLDEST_DAYS[-1]}", None, day - dt.timedelta(days=youngest))]


def _rows(reading: Reading, accounts: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    scope = reading.scope
    day = scope.last_day or scope.as_of.date()
    whole = dataclasses.replace(scope, first_day=None, last_day=day)
    found = ages(day)
    for account in accounts:
        came_in = [
            _movements(
                reading,
                dataclasses.replace(whole, first_day=a.first_day, last_day=a.last_day),
                account,
            )
            for a in found
        ]
        for row in reporting.trial_balance(reading.connection, whole, account=account):
            left = row.closing
            name = (row.account, row.asset)
            for age, moved in zip(found, came_in, strict=True):
                debit, credit = moved.get(name, (0, 0))
                came = debit if row.closing > 0 else -credit
                still = min(came, left) if row.closing > 0 else max(came, left)
                left -= still
                if came or still:
                    yield *name, age.name, age.first_day, age.last_day, came, still


def _movements(
    reading: Reading, scope: Scope, account: str
) -> dict[tuple[str, str], tuple[int, int]]:
    found = reporting.trial_balance(reading.connection, scope, account=account)
    return {(row.account, row.asset): (row.debit, row.credit) for row in found}


def _report(reading: Reading, title: str, accounts: Sequence[str]) -> Report:
    def drill_down(row: tuple[Cell, ...]) -> str:
        return to_report(
            reading,
            "general-ledger",
            control=row[0],
            asset=row[1],
            first_day=row[3],
            last_day=row[4],
        )

    return reading.report(
        title,
        COLUMNS,
        _rows(reading, accounts),
        drill_down=drill_down,
    )
