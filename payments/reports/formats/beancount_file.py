"""The journal as beancount text, with assertions of every balance: `bean-check` proves it.

The assertions are of the trial balance, which is computed apart from the journal's lines, and
have no tolerance. Language: https://beancount.github.io/docs/beancount_language_syntax.html
"""

import datetime as dt
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from ledger.assets import Asset
from ledger.reporting.rows import TrialBalanceRow
from ledger.reporting.scope import Scope
from payments.reports.formats.balances_by_account import (
    AccountBalances,
    before,
    by_account,
    with_descendants,
)
from payments.reports.formats.beancount_names import beancount_name
from payments.reports.formats.csv_file import moment_text
from payments.reports.formats.journal_entries import Entry, entries_of, one_line
from payments.reports.formats.pieces import in_pieces
from payments.reports.formats.tally import Tally
from payments.reports.report import Report

_DAY = dt.timedelta(days=1)


def encode_beancount(connection: Connection, report: Report, tally: Tally) -> Iterator[bytes]:
    """Give the file piece by piece; amounts have all the decimals of their asset."""
    return in_pieces(_texts(connection, report, tally))


def _texts(connection: Connection, report: Report, tally: Tally) -> Iterator[str]:
    scope, assets = report.scope, report.assets
    last = before(scope)
    as_of = moment_text(scope.as_of)
    yield f"; {one_line(report.title)}, as of {as_of}, ledger entries to {report.sequence}\n"
    yield f'option "title" "{_quoted(report.title)}"\n\n'
    for accounts in by_account(connection, scope):
        yield _open(accounts, last)
    yield from _openings(connection, scope, assets)
    for entry in entries_of(report, tally):
        last = max(last, entry.day)
        yield _transaction(entry, assets)
    closes = (scope.last_day or last) + _DAY
    yield "\n; The balances at the end, of all accounts\n"
    for accounts in with_descendants(by_account(connection, scope)):
        yield _assertions(accounts, closes, assets, opening=False)


def _openings(connection: Connection, scope: Scope, assets: Mapping[str, Asset]) -> Iterator[str]:
    if scope.first_day is None:
        return
    begun = False
    for accounts in by_account(connection, scope):
        for row in accounts.rows:
            if row.opening:
                if not begun:
                    yield f'\n{before(scope)} * "Opening balances" #opening\n'
                    begun = True
                yield _posting(row.account, row.asset, row.opening, assets)
    yield "\n"
    for accounts in with_descendants(by_account(connection, scope)):
        yield _assertions(accounts, scope.first_day, assets, opening=True)


def _open(accounts: AccountBalances, day: dt.date) -> str:
    codes = ",".join(row.asset for row in accounts.rows)
    return f'{day} open {beancount_name(accounts.path)} {codes}\n  path: "{accounts.path}"\n'


def _assertions(
    accounts: AccountBalances, day: dt.date, assets: Mapping[str, Asset], *, opening: bool
) -> str:
    name = beancount_name(accounts.path)
    return "".join(
        f"{day} balance {name}  {_amount(row, assets, opening=opening)} ~ 0 {row.asset}\n"
        for row in accounts.rows
    )


def _amount(row: TrialBalanceRow, assets: Mapping[str, Asset], *, opening: bool) -> str:
    return assets[row.asset].display(row.opening if opening else row.closing)


def _transaction(entry: Entry, assets: Mapping[str, Asset]) -> str:
    facts = "".join(f'  {name}: "{_quoted(value)}"\n' for name, value in entry.facts)
    lines = "".join(_posting(*line, assets) for line in entry.lines)
    head = f'\n{entry.day} * "{_quoted(entry.description)}"\n  entry: {entry.number}\n'
    return head + facts + lines


def _posting(account: str, code: str, amount: int, assets: Mapping[str, Asset]) -> str:
    return f"  {beancount_name(account)}  {assets[code].display(amount)} {code}\n"


def _quoted(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"')
