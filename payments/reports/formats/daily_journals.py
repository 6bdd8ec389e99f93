"""The journal summarised for an accounting package: what an account moved in a day, by asset.

Packages are for people: a line a day and account there, and the single entries here.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from ledger.assets import Asset
from payments.errors import InvalidRequestError
from payments.reports.formats.journal_entries import entries_of
from payments.reports.formats.tally import Tally
from payments.reports.mappings.packages import (
    MappingMissingError,
    Target,
    control_of,
    target_of,
)
from payments.reports.report import Report

PACKAGE_DECIMALS = 2


class DayLine(NamedTuple):
    """What an account moved in a day: debits less credits, in minor units, never 0."""

    account: str
    target: Target
    amount: int


class DayJournal(NamedTuple):
    """A balanced journal of one day and asset."""

    day: dt.date
    asset: Asset
    lines: tuple[DayLine, ...]


def daily_journals(
    report: Report, tally: Tally, targets: Mapping[str, Target], *, package: str
) -> Iterator[DayJournal]:
    """Give the journals in the order of day and asset, having read the whole report.

    Raises:
        MappingMissingError: accounts have no counterpart; it names all of them.
        InvalidRequestError: amounts with more decimals than a package keeps.
    """
    moved = _movements(report, tally, targets)
    _check_decimals(report, {code for _, code, _ in moved}, package)
    accounts = {account for _, _, account in moved}
    found = {account: target_of(account, targets) for account in accounts}
    known = {account: target for account, target in found.items() if target is not None}
    missing = sorted(accounts - known.keys())
    if missing:
        raise MappingMissingError(package, missing)
    kept = sorted((*key, amount) for key, amount in moved.items() if amount)
    for (day, code), moves in groupby(kept, key=lambda line: line[:2]):
        lines = tuple(DayLine(name, known[name], amount) for _, _, name, amount in moves)
        yield DayJournal(day, report.assets[code], lines)


def _movements(
    report: Report, tally: Tally, targets: Mapping[str, Target]
) -> dict[tuple[dt.date, str, str], int]:
    """Return sums by day, asset and account; one of an order or party under its control account.

    So they stay few, however long the journal is.
    """
    moved: dict[tuple[dt.date, str, str], int] = defaultdict(int)
    for entry in entries_of(report, tally):
        for path, asset, amount in entry.lines:
            account = path if path in targets else control_of(path)
            moved[entry.day, asset, account] += amount
    return moved


def _check_decimals(report: Report, codes: set[str], package: str) -> None:
    finer = sorted(code for code in codes if report.assets[code].exponent > PACKAGE_DECIMALS)
    if finer:
        raise InvalidRequestError(
            f"{package} keeps {PACKAGE_DECIMALS} decimals, and {', '.join(finer)} has more: "
            "ask for one asset at a time.",
            errors={"asset": [f"Choose one with at most {PACKAGE_DECIMALS} decimals."]},
        )
