"""docs/ledger.md is run: its Python, and every worked entry with every balance it states."""

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from ledger import (
    AccountSpec,
    Entry,
    Posting,
    assets,
    balance,
    broken_invariants,
    open_accounts,
    post,
)

PAGE = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
_HEAD = re.compile(r"(?P<date>\d{4}-\d\d-\d\d) \* (?P<text>.+?)  ; (?P<key>\S+)")
_LINE = re.compile(
    r" {4}(?P<path>\S+) +(?P<amount>-?[\d.]+) (?P<asset>[A-Z]+)(?: = (?P<balance>-?[\d.]+) [A-Z]+)?"
)


class WorkedLine(NamedTuple):
    path: str
    asset: str
    amount: Decimal
    balance: Decimal | None


class WorkedEntry(NamedTuple):
    key: str
    text: str
    date: dt.datetime
    lines: list[WorkedLine]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def worked_entries() -> Iterator[WorkedEntry]:
    for block in blocks("hledger"):
        for text in block.strip().split("\n\n"):
            head, *lines = text.split("\n")
            found = _HEAD.fullmatch(head)
            assert found is not None, head
            date = dt.datetime.fromisoformat(found["date"]).replace(tzinfo=dt.UTC)
            yield WorkedEntry(
                found["key"], found["text"], date, [read_line(line) for line in lines]
            )


def read_line(line: str) -> WorkedLine:
    found = _LINE.fullmatch(line)
    assert found is not None, line
    stated = None if found["balance"] is None else Decimal(found["balance"])
    return WorkedLine(found["path"], found["asset"], Decimal(found["amount"]), stated)


def specification(path: str, asset: str) -> AccountSpec:
    """The chart of accounts: escrow never pays out more than came in; Stripe's is hot."""
    if path.startswith("liabilities:escrow:"):
        return AccountSpec(path, asset, floor=0)
    return AccountSpec(path, asset, "deferred" if path.startswith("assets:stripe:") else "strict")


def test_every_worked_entry_balances_and_states_true_balances(fresh_engine: Engine) -> None:
    entries = list(worked_entries())
    assert len(entries) > 25
    with fresh_engine.begin() as connection:
        exponents = {code: asset.exponent for code, asset in assets(connection).items()}
        for worked in entries:
            ids = open_accounts(
                connection, [specification(line.path, line.asset) for line in worked.lines]
            )
            postings = [
                Posting(
                    ids[line.path, line.asset],
                    int(line.amount.scaleb(exponents[line.asset])),
                )
                for line in worked.lines
            ]
            post(connection, Entry(worked.key, "worked", worked.date, postings, worked.text))
            for line in worked.lines:
                if line.balance is not None:
                    stated = int(line.balance.scaleb(exponents[line.asset]))
                    found = balance(connection, ids[line.path, line.asset])
                    assert (line.path, found) == (line.path, stated)
        assert broken_invariants(connection) == []


def test_the_whole_chart_of_accounts_is_worked() -> None:
    paths = {line.path for worked in worked_entries() for line in worked.lines}
    chart = [
        "assets:stripe:pending", "assets:stripe:available", "assets:bank:clearing",
        "assets:bank:main", "assets:chain:", "liabilities:escrow:", "liabilities:seller:",
        "liabilities:tax", "income:platform-fees", "expenses:processing:", "assets:disputes:",
        "assets:debts:", "assets:suspense:unmatched", "equity:adjustments",
    ]  # fmt: skip

    assert [account for account in chart if not any(p.startswith(account) for p in paths)] == []


def test_the_python_on_the_page_runs(fresh_engine: Engine) -> None:
    occurred_at = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    [example] = blocks("python")

    names = {"engine": fresh_engine, "occurred_at": occurred_at}
    exec(compile(example, "docs/ledger.md", "exec"), names)  # noqa: S102 - the page's own example
