"""The journal as hledger text, with assertions of every balance: `hledger check` proves it.

Accounts are called as here. The assertions are of the trial balance, which is computed apart from
the journal's lines; hledger compares exactly. Language: https://hledger.org/hledger.html#journal
"""

import datetime as dt
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from ledger.assets import Asset
from payments.reports.formats.balances_by_account import before, by_account
from payments.reports.formats.csv_file import moment_text
from payments.reports.formats.journal_entries import Entry, entries_of, one_line
from payments.reports.formats.pieces import in_pieces
from payments.reports.formats.tally import Tally
from payments.reports.report import Report


def encode_hledger(connection: Connection, report: Report, tally: Tally) -> Iterator[bytes]:
    """Give the file piece by piece; amounts have all the decimals of their asset."""
    return in_pieces(_texts(connection, report, tally))


def _texts(connection: Connection, report: Report, tally: Tally) -> Iterator[str]:
    scope, assets = report.scope, report.assets
    last = before(scope)
    as_of = moment_text(scope.as_of)
    yield f"; {one_line(report.title)}, as of {as_of}, ledger entries to {report.sequence}\n"
    yield "decimal-mark .\n"
    for code in sorted(assets):
        yield f"commodity {_example(assets[code])}\n"
    yield "\n"
    for account in by_account(connection, scope):
        yield f"account {account.path}\n"
    if scope.first_day is not None:
        yield from _balances(
            connection, report, day=before(scope), title="Opening balances", opening=True
        )
    for entry in entries_of(report, tally):
        last = max(last, entry.day)
        yield _transaction(entry, assets)
    yield from _balances(
        connection, report, day=scope.last_day or last, title="Closing balances", opening=False
    )


def _balances(
    connection: Connection, report: Report, *, day: dt.date, title: str, opening: bool
) -> Iterator[str]:
    """Give a transaction that asserts all balances; the one of the openings also makes them."""
    begun = False
    for account in by_account(connection, report.scope):
        for row in account.rows:
            if opening and not row.opening:
                continue
            if not begun:
                yield f"\n{day} {title}\n"
                begun = True
            moved = row.opening if opening else 0
            stands = row.opening if opening else row.closing
            asset = report.assets[row.asset]
            yield f"    {row.account}  {_amount(asset, moved)} = {_amount(asset, stands)}\n"


def _transaction(entry: Entry, assets: Mapping[str, Asset]) -> str:
    # A semicolon would begin a comment, in which hledger looks for tags and dates.
    description = entry.description.replace(";", ",")
    facts = "".join(f"    ; {name}: {value}\n" for name, value in entry.facts)
    lines = "".join(
        f"    {account}  {_amount(assets[code], amount)}\n" for account, code, amount in entry.lines
    )
    return f"\n{entry.day} * ({entry.number}) {description}\n{facts}{lines}"


def _amount(asset: Asset, amount: int) -> str:
    return f"{asset.display(amount)} {_symbol(asset.code)}"


def _symbol(code: str) -> str:
    return code if code.isalpha() else f'"{code}"'


def _example(asset: Asset) -> str:
    """Return a thousand of an asset with its decimals; hledger wants a mark, even after none."""
    number = asset.display(1000 * 10**asset.exponent)
    return f"{number}{'' if asset.exponent else '.'} {_symbol(asset.code)}"
