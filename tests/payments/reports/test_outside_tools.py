"""A busy month, verified by beancount and hledger: they compute what we do, to the last unit."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data
from sqlalchemy import Engine

from ledger import Entry, Posting, find_account_ids, post
from payments.reports.report import Report
from tests.outside_tools import find_hledger
from tests.payments.reports.busy_month import FIRST, LAST, write_busy_month
from tests.payments.reports.exporting import (
    Balances,
    Written,
    balances,
    bean_check,
    exponents,
    hledger_balances,
    hledger_check,
    write,
)

Check = Callable[[Path, str], str]

needs_hledger = pytest.mark.skipif(
    find_hledger() is None, reason="no hledger on the PATH, nor by `python -m tests.outside_tools`"
)
TOOLS = [
    pytest.param("beancount", bean_check, id="beancount"),
    pytest.param("hledger", hledger_check, id="hledger", marks=needs_hledger),
]
MONTH: dict[str, Any] = {"first_day": FIRST, "last_day": LAST}
PERIODS = [
    pytest.param(MONTH, id="the month"),
    pytest.param({}, id="everything"),
    pytest.param({"first_day": FIRST}, id="since then"),
    pytest.param({"axis": "recorded"}, id="as it was recorded"),
    pytest.param({**MONTH, "asset": "ETH"}, id="one asset"),
]


@pytest.fixture(scope="module")
def books(engine: Engine) -> Engine:
    write_busy_month(engine)
    return engine


def units(engine: Engine, numbers: dict[tuple[str, str], Decimal]) -> Balances:
    """Decimals of whole units as minor units; each must be a whole number of them."""
    found = {}
    for (account, asset), number in numbers.items():
        scaled = number.scaleb(exponents(engine)[asset])
        assert scaled == int(scaled)
        if scaled:
            found[account, asset] = int(scaled)
    return found


def of_beancount(folder: Path, written: Written) -> dict[tuple[str, str], Decimal]:
    """What beancount's own parser adds up, by our paths."""
    path = folder / "parsed.beancount"
    path.write_bytes(written.content)
    entries, errors, _ = loader.load_file(str(path))
    assert not errors
    paths = {one.account: one.meta["path"] for one in entries if isinstance(one, data.Open)}
    numbers: dict[tuple[str, str], Decimal] = {}
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                assert posting.units is not None
                key = (paths[posting.account], posting.units.currency)
                numbers[key] = numbers.get(key, Decimal()) + (posting.units.number or 0)
    return numbers


@pytest.mark.parametrize("filters", PERIODS)
@pytest.mark.parametrize(("name", "check"), TOOLS)
def test_the_tool_finds_nothing_wrong(
    books: Engine, tmp_path: Path, name: str, check: Check, filters: dict[str, Any]
) -> None:
    assert check(tmp_path, write(books, name, **filters).text) == ""


@pytest.mark.parametrize("filters", PERIODS)
def test_beancount_has_our_trial_balance(
    books: Engine, tmp_path: Path, filters: dict[str, Any]
) -> None:
    written = write(books, "beancount", **filters)
    ours = balances(books, written.scope)
    assert len(ours) > 10
    assert units(books, of_beancount(tmp_path, written)) == ours


@needs_hledger
@pytest.mark.parametrize("filters", PERIODS)
def test_hledger_has_our_trial_balance(
    books: Engine, tmp_path: Path, filters: dict[str, Any]
) -> None:
    written = write(books, "hledger", **filters)
    numbers = {
        (account, asset): Decimal(number)
        for account, asset, number in hledger_balances(tmp_path, written.text)
    }
    assert units(books, numbers) == balances(books, written.scope)


def test_the_month_is_busy(books: Engine) -> None:
    written = write(books, "beancount", **MONTH)
    kinds = set(re.findall(r'  kind: "(\w+)', written.text))
    assert kinds >= {"charge", "fee", "refund", "release", "payout", "dispute", "receipt", "gas"}
    assert "receipt.reversed" in written.text
    assert {"EUR", "JPY", "USDC", "ETH"} <= written.tally.sums.keys()
    assert written.tally.rows > 500
    assert re.search(r" \d{2,}\.\d{18} ETH", written.text)


@pytest.mark.parametrize("filters", PERIODS[:2])
@pytest.mark.parametrize(("name", "check"), TOOLS)
def test_one_unit_more_on_one_account_is_noticed(
    books: Engine, tmp_path: Path, name: str, check: Check, filters: dict[str, Any]
) -> None:
    text = write(books, name, **filters).text
    for asset in ("EUR", "JPY", "USDC", "ETH"):
        wrong = changed(text, rf"^ +[\w:.-]+  (-?[\d.]+) {asset}$")
        assert check(tmp_path, wrong) != "", asset


@pytest.mark.parametrize("filters", PERIODS[:2])
@pytest.mark.parametrize(("name", "check"), TOOLS)
def test_an_entry_that_was_left_out_is_noticed(
    books: Engine, tmp_path: Path, name: str, check: Check, filters: dict[str, Any]
) -> None:
    blocks = write(books, name, **filters).text.split("\n\n")
    middle = next(n for n, block in enumerate(blocks) if "kind: " in block and n > len(blocks) / 2)
    assert check(tmp_path, "\n\n".join(blocks[:middle] + blocks[middle + 1 :]) + "\n") != ""


@pytest.mark.parametrize("filters", PERIODS[:2])
@pytest.mark.parametrize(("name", "check"), TOOLS)
def test_an_entry_that_was_lost_on_the_way_to_the_file_is_noticed(
    books: Engine, tmp_path: Path, name: str, check: Check, filters: dict[str, Any]
) -> None:
    """The assertions are no sums of the lines: those would be right of whatever is written."""
    lost = re.findall(r"entry: (\d+)|\* \((\d+)\)", write(books, name, **filters).text)[50]

    def lose(report: Report) -> Report:
        rows = (row for row in report.rows if str(row[0]) not in lost)
        return replace(report, rows=rows)

    assert check(tmp_path, write(books, name, through=lose, **filters).text) != ""


@pytest.mark.parametrize(("name", "check"), TOOLS)
def test_a_balance_of_one_unit_more_is_noticed(
    books: Engine, tmp_path: Path, name: str, check: Check
) -> None:
    text = write(books, name, **MONTH).text
    assertion = {
        "beancount": r"balance [\w:-]+  (-?[\d.]+) ~ 0 {}$",
        "hledger": r"= (-?[\d.]+) {}$",
    }[name]
    for asset in ("EUR", "JPY", "USDC", "ETH"):
        found = list(re.finditer(assertion.format(asset), text, re.MULTILINE))
        for place in (found[0], found[-1]):  # of the openings, and of the end
            assert check(tmp_path, one_unit_more(text, place)) != "", asset


def changed(text: str, pattern: str) -> str:
    found = list(re.finditer(pattern, text, re.MULTILINE))
    return one_unit_more(text, found[len(found) // 2])


def one_unit_more(text: str, place: re.Match[str]) -> str:
    number = Decimal(place[1])
    unit = Decimal(1).scaleb(number.as_tuple().exponent)  # type: ignore[arg-type] # finite
    return f"{text[: place.start(1)]}{number + unit}{text[place.end(1) :]}"


@pytest.mark.parametrize("name", ["beancount", "hledger", "csv", "xlsx"])
def test_the_same_moment_gives_the_same_bytes(books: Engine, name: str) -> None:
    first = write(books, name, **MONTH)
    later = write(books, name, **MONTH, as_of=first.scope.as_of)
    with books.begin() as connection:
        accounts = [("assets:bank:main", "EUR"), ("equity:adjustments", "EUR")]
        debited, credited = find_account_ids(connection, accounts).values()
        at = first.scope.as_of.replace(month=10, day=15)
        lines = [Posting(debited, 1), Posting(credited, -1)]
        post(connection, Entry(f"late:{name}", "late", at, lines))
    assert write(books, name, **MONTH, as_of=first.scope.as_of).content == first.content
    assert later.content == first.content
    assert write(books, name, **MONTH).content != first.content


def test_accounts_keep_names_of_their_own(books: Engine) -> None:
    written = write(books, "beancount")
    opened = re.findall(r'open (\S+) \S+\n  path: "(\S+)"', written.text)
    names, paths = zip(*opened, strict=True)
    assert len(set(names)) == len(set(paths)) == len(names)
    assert set(paths) >= {path for path, _ in balances(books, written.scope)}
