"""The general ledger: every account's postings, between what it had before and what it has after.

Two cursors are read side by side, both in the order of path and asset: what accounts had before,
and their postings.
"""

import datetime as dt
import heapq
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger.errors import UnknownAccountError
from ledger.reporting.chosen import Chosen, in_books, in_period, of_accounts, of_asset
from ledger.reporting.reading import read
from ledger.reporting.rows import LedgerRow
from ledger.reporting.scope import Scope

OPENING_SEQ, CLOSING_SEQ = 0, -1
"""What stands in `seq` of the rows around an account's postings, which are numbered from 1."""

_SOURCES = """
      FROM ledger.accounts a
      JOIN ledger.assets s ON s.id = a.asset_id
      JOIN ledger.postings p ON p.account_id = a.id
      JOIN ledger.entries e ON e.id = p.entry_id
"""
_OPENINGS = """
    SELECT a.path, s.code, sum(p.amount)::text {sources} WHERE {chosen}
     GROUP BY a.path, s.code HAVING sum(p.amount) <> 0 ORDER BY a.path, s.code COLLATE "C"
"""
_POSTINGS = """
    SELECT a.path, s.code, p.seq, e.id, e.occurred_at, e.recorded_at, e.kind, e.description,
           p.amount::text {sources} WHERE {chosen}
     ORDER BY a.path, s.code COLLATE "C", e.{axis}_at, p.seq
"""
_POSTING_COLUMNS = 9


class Place(NamedTuple):
    """A row of the general ledger by which the next ones are found: path, asset and `seq`."""

    account: str
    asset: str
    seq: int


class _Resumed(NamedTuple):
    """Where to go on: in this account after this posting (None: after its opening row)."""

    place: Place
    at: dt.datetime | None


def general_ledger(
    connection: Connection,
    scope: Scope,
    *,
    account: str | None = None,
    control: str | None = None,
    after: Place | None = None,
    limit: int | None = None,
) -> Iterator[LedgerRow]:
    """Yield for each account an opening row, its postings of the period, and a closing row.

    Accounts by path and asset; postings by the date the scope is about, then by number; accounts
    with neither a balance nor a posting are left out. `account`, `control` and `limit` are as in
    the journal; `after` names the row that the caller has already.

    Raises:
        UnknownAccountError: there is no posting where `after` says.
    """
    accounts = of_accounts(account, control) + of_asset(scope)
    return islice(_rows(connection, scope, accounts, after, always=None), limit)


def statement(
    connection: Connection,
    scope: Scope,
    path: str,
    asset: str,
    *,
    after: Place | None = None,
    limit: int | None = None,
) -> Iterator[LedgerRow]:
    """Yield the rows of one account as in the general ledger; opening and closing always.

    Raises:
        UnknownAccountError: there is no such account, or no posting where `after` says.
    """
    one = Chosen("a.path = %s AND s.code = %s", (path, asset))
    query = (
        f"SELECT FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id WHERE {one.sql}"
    )
    if connection.exec_driver_sql(query, one.values).first() is None:
        raise UnknownAccountError(f"there is no account {path} in {asset}")
    return islice(_rows(connection, scope, one, after, always=(path, asset)), limit)


def _rows(
    connection: Connection,
    scope: Scope,
    accounts: Chosen,
    after: Place | None,
    always: tuple[str, str] | None,
) -> Iterator[LedgerRow]:
    resumed = None if after is None else _find(connection, scope, after)
    openings: Iterator[Any] = iter(())
    if scope.starts_at is not None or (resumed and resumed.at):
        chosen = in_books(scope) + accounts + _before(scope, resumed)
        query = _OPENINGS.format(sources=_SOURCES, chosen=chosen.sql)
        openings = read(connection, query, chosen.values)
    chosen = in_books(scope) + in_period(scope) + accounts + _not_yet(scope, resumed)
    query = _POSTINGS.format(sources=_SOURCES, axis=scope.axis, chosen=chosen.sql)
    postings = read(connection, query, chosen.values)
    kept: Iterator[tuple[str, str]] = iter(())
    if always is not None and not (after and after.seq == CLOSING_SEQ):
        kept = iter([always])
    elif after is not None and after.seq != CLOSING_SEQ:
        kept = iter([(after.account, after.asset)])  # its closing row is owed in any case
    return _in_accounts(heapq.merge(kept, openings, postings, key=_name), after)


def _name(row: Any) -> tuple[str, str]:
    return row[0], row[1]


def _in_accounts(rows: Iterator[Any], after: Place | None) -> Iterator[LedgerRow]:
    for name, of_account in groupby(rows, key=_name):
        balance, opened = 0, after is not None and name == after[:2]
        for row in of_account:
            if len(row) < _POSTING_COLUMNS:  # a name alone, or with what the account had before
                balance += sum(map(int, row[2:]))
                continue
            if not opened:
                opened = True
                yield _around(name, OPENING_SEQ, "opening", balance)
            _, _, seq, entry_id, occurred, recorded, kind, description, text = row
            amount = int(text)
            balance += amount
            yield LedgerRow(
                *name, seq, entry_id, occurred, recorded, kind, description,
                max(amount, 0), max(-amount, 0), balance,
            )  # fmt: skip
        if not opened:
            yield _around(name, OPENING_SEQ, "opening", balance)
        yield _around(name, CLOSING_SEQ, "closing", balance)


def _around(name: tuple[str, str], seq: int, kind: str, balance: int) -> LedgerRow:
    return LedgerRow(*name, seq, None, None, None, kind, None, 0, 0, balance)


def _find(connection: Connection, scope: Scope, after: Place) -> _Resumed:
    if after.seq in {OPENING_SEQ, CLOSING_SEQ}:
        return _Resumed(after, None)
    found = Chosen("a.path = %s AND s.code = %s AND p.seq = %s", tuple(after))
    query = f"SELECT e.{scope.axis}_at {_SOURCES} WHERE {found.sql}"
    at = connection.exec_driver_sql(query, found.values).scalar()
    if at is None:
        raise UnknownAccountError(f"{after.account} has no posting {after.seq} in {after.asset}")
    return _Resumed(after, at)


def _before(scope: Scope, resumed: _Resumed | None) -> Chosen:
    """Return the condition on postings that are summed up as what was before."""
    before = Chosen("false", ())
    if scope.starts_at is not None:
        before = Chosen(f"e.{scope.axis}_at < %s", (scope.starts_at,))
    if resumed is None:
        return before
    path, asset, seq = resumed.place
    if resumed.at is not None:
        of_it = f"(a.path = %s AND s.code = %s AND (e.{scope.axis}_at, p.seq) <= (%s, %s))"
        before = Chosen(
            f"({before.sql} OR {of_it})", (*before.values, path, asset, resumed.at, seq)
        )
    return before + _from_account(resumed.place)


def _not_yet(scope: Scope, resumed: _Resumed | None) -> Chosen:
    """Return the condition on postings that the caller does not have yet."""
    if resumed is None:
        return Chosen("true", ())
    path, asset, seq = resumed.place
    chosen = _from_account(resumed.place)
    if resumed.at is None:
        return chosen
    had = f"NOT (a.path = %s AND s.code = %s AND (e.{scope.axis}_at, p.seq) <= (%s, %s))"
    return chosen + Chosen(had, (path, asset, resumed.at, seq))


def _from_account(place: Place) -> Chosen:
    """Return the condition on accounts from this one on; without it when it was closed already."""
    than = ">" if place.seq == CLOSING_SEQ else ">="
    named = (place.account, place.asset)
    further = Chosen(f'(a.path, s.code COLLATE "C") {than} (%s, %s)', named)
    return Chosen("a.path >= %s", (place.account,)) + further
