"""What the reports should say, worked out in plain Python from a list of postings."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger.balances import Axis
from ledger.reporting import (
    DayMovement,
    JournalRow,
    LedgerRow,
    Scope,
    StatementRow,
    TrialBalanceRow,
)

Name = tuple[str, str]

CLASSES = {
    "assets": "asset",
    "liabilities": "liability",
    "equity": "equity",
    "income": "income",
    "expenses": "expense",
}


@dataclass(frozen=True)
class Line:
    """A posting, with its entry."""

    entry_id: int
    key: str
    occurred_at: dt.datetime
    recorded_at: dt.datetime
    reverses: int | None
    line: int
    seq: int
    path: str
    control: str
    asset: str
    amount: int

    def at(self, axis: Axis) -> dt.datetime:
        return self.occurred_at if axis == "occurred" else self.recorded_at


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a report was asked for."""

    scope: Scope
    account: str | None = None
    control: str | None = None

    def known(self, line: Line) -> bool:
        return line.recorded_at <= self.scope.as_of and self.scope.asset in {None, line.asset}

    def named(self, line: Line) -> bool:
        inside = self.account is None or f"{line.path}:".startswith(f"{self.account}:")
        return inside and self.control in {None, line.control}

    def when(self, line: Line) -> str:
        day = line.at(self.scope.axis).date()
        if self.scope.first_day is not None and day < self.scope.first_day:
            return "before"
        if self.scope.last_day is not None and day > self.scope.last_day:
            return "after"
        return "in"


def trial_balance(lines: Iterable[Line], wanted: Wanted, *, detail: str) -> list[TrialBalanceRow]:
    opening: dict[Name, int] = defaultdict(int)
    debit: dict[Name, int] = defaultdict(int)
    credit: dict[Name, int] = defaultdict(int)
    for line in lines:
        name = (line.control if detail == "control" else line.path, line.asset)
        if not (wanted.known(line) and wanted.named(line)) or wanted.when(line) == "after":
            continue
        if wanted.when(line) == "before":
            opening[name] += line.amount
        else:
            (debit if line.amount > 0 else credit)[name] += abs(line.amount)
    rows = []
    for path, asset in sorted({*opening, *debit, *credit}):
        had, more, less = (sums[path, asset] for sums in (opening, debit, credit))
        if had or more or less:
            kind = CLASSES[path.split(":")[0]]
            rows.append(TrialBalanceRow(path, kind, asset, had, more, less, had + more - less))
    return rows


def income_statement(lines: list[Line], wanted: Wanted) -> list[StatementRow]:
    rows = trial_balance(lines, wanted, detail="control")
    signs = {"income": -1, "expense": 1}
    sections = {"income": "income", "expense": "expenses"}
    return [
        StatementRow(sections[kind], row.account, row.asset, sign * (row.debit - row.credit))
        for kind, sign in signs.items()
        for row in rows
        if row.account_class == kind and (row.debit or row.credit)
    ]


def balance_sheet(lines: list[Line], wanted: Wanted) -> list[StatementRow]:
    closing: dict[Name, int] = defaultdict(int)
    for line in lines:
        if wanted.known(line) and wanted.when(line) != "after":
            temporary = line.path.startswith(("income:", "expenses:"))
            closing["~" if temporary else line.control, line.asset] += line.amount
    sheet = []
    for section in ("assets", "liabilities", "equity"):
        sign = 1 if section == "assets" else -1
        sheet += [
            StatementRow(section, path, asset, sign * amount)
            for (path, asset), amount in sorted(closing.items())
            if path.startswith(section + ":") and amount
        ]
    return sheet + [
        StatementRow("equity", "equity:current-earnings", asset, -amount)
        for (path, asset), amount in sorted(closing.items())
        if path == "~" and amount
    ]


def journal(lines: list[Line], wanted: Wanted) -> list[JournalRow]:
    chosen = [line for line in lines if wanted.known(line) and wanted.when(line) == "in"]
    entries = {line.entry_id for line in lines if wanted.named(line)}
    return [
        JournalRow(
            line.entry_id, line.key, "test", line.occurred_at, line.recorded_at, None,
            line.reverses, line.line, line.path, line.asset,
            max(line.amount, 0), max(-line.amount, 0),
        )
        for line in sorted(chosen, key=lambda line: (line.entry_id, line.line))
        if line.entry_id in entries
    ]  # fmt: skip


def general_ledger(lines: list[Line], wanted: Wanted) -> Iterator[LedgerRow]:
    chosen = [line for line in lines if wanted.known(line) and wanted.named(line)]
    for name in sorted({(line.path, line.asset) for line in chosen}):
        mine = [line for line in chosen if (line.path, line.asset) == name]
        opening = sum(line.amount for line in mine if wanted.when(line) == "before")
        moved = [line for line in mine if wanted.when(line) == "in"]
        if moved or opening:
            yield from account(name, opening, moved, axis=wanted.scope.axis)


def account(name: Name, opening: int, moved: list[Line], *, axis: Axis) -> Iterator[LedgerRow]:
    yield LedgerRow(*name, 0, None, None, None, "opening", None, 0, 0, opening)
    balance = opening
    for line in sorted(moved, key=lambda line: (line.at(axis), line.seq)):
        balance += line.amount
        yield LedgerRow(
            *name, line.seq, line.entry_id, line.occurred_at, line.recorded_at, "test", None,
            max(line.amount, 0), max(-line.amount, 0), balance,
        )  # fmt: skip
    yield LedgerRow(*name, -1, None, None, None, "closing", None, 0, 0, balance)


def daily_movements(lines: list[Line], wanted: Wanted) -> list[DayMovement]:
    moved: dict[tuple[str, str, dt.date], list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        if wanted.known(line) and wanted.when(line) == "in":
            day = line.at(wanted.scope.axis).date()
            moved[line.control, line.asset, day][line.amount < 0] += abs(line.amount)
    return [
        DayMovement(control, CLASSES[control.split(":")[0]], asset, day, debit, credit)
        for (control, asset, day), (debit, credit) in sorted(moved.items())
    ]
