"""Writes reports of the books in a format, and runs what others made over the files."""

import csv
import datetime as dt
import io
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from ledger.reporting import Scope, trial_balance
from payments.reports.formats.registry import FORMATS
from payments.reports.formats.tally import Tally
from payments.reports.open_report import open_report
from payments.reports.report import Report
from payments.reports.wanted import Wanted
from tests.outside_tools import BEAN_CHECK, find_hledger

Balances = dict[tuple[str, str], int]


class Written(NamedTuple):
    content: bytes
    tally: Tally
    scope: Scope

    @property
    def text(self) -> str:
        return self.content.decode()

    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.text, newline="")))


def write(
    engine: Engine,
    format_name: str,
    report: str = "journal",
    *,
    through: Callable[[Report], Report] = lambda report: report,
    **filters: Any,
) -> Written:
    """Write a report as it is now, or with `as_of` as it was; `through` may change it before."""
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the database records by the real clock
    tally = Tally()
    with open_report(engine, Wanted(report=report, **filters), now=now) as opened:
        encode = FORMATS[format_name].encoder(opened.connection)
        content = b"".join(encode(through(opened.report), tally))
        return Written(content, tally, opened.report.scope)


def balances(engine: Engine, scope: Scope) -> Balances:
    """Our trial balance: what every account has at the end, by path and asset."""
    with engine.connect() as connection:
        rows = trial_balance(connection, scope, detail="account")
        return {(row.account, row.asset): row.closing for row in rows if row.closing}


def exponents(engine: Engine) -> Mapping[str, int]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT code, exponent FROM ledger.assets")
        return {row.code: row.exponent for row in rows}


def bean_check(folder: Path, text: str) -> str:
    """Return what the real bean-check complains of: nothing when all is well."""
    return _complaints([BEAN_CHECK, "--no-cache"], folder / "books.beancount", text)


def hledger_check(folder: Path, text: str) -> str:
    """Return what the real hledger complains of, in its strictest mode."""
    program = find_hledger()
    assert program is not None
    return _complaints([program, "check", "--strict", "-f"], folder / "books.journal", text)


def hledger_balances(folder: Path, text: str) -> list[list[str]]:
    """Return hledger's own balances: account, commodity, number."""
    program = find_hledger()
    assert program is not None
    path = folder / "books.journal"
    path.write_text(text, encoding="utf-8", newline="")
    options = ["balance", "--flat", "--no-total", "--layout", "bare", "-O", "csv", "-f", str(path)]
    done = subprocess.run([program, *options], capture_output=True, text=True, check=True)
    return list(csv.reader(io.StringIO(done.stdout)))[1:]


def _complaints(command: list[Any], path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8", newline="")
    environment = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [*command, path], capture_output=True, text=True, check=False, env=environment
    )
    said = (done.stdout + done.stderr).strip()
    assert bool(done.returncode) == bool(said), said
    return said
