"""The general ledger: every account's postings, between what it had before and what it has after.

Accounts are taken some at a time, in the order of path and asset, so that nothing is ever sorted
but the postings of a few accounts.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger.errors import UnknownAccountError
from ledger.reporting.accounts import ACCOUNTS_AT_A_TIME, Account, accounts_in_order
from ledger.reporting.chosen import (
    POSTINGS_OF_ACCOUNTS,
    Chosen,
    in_books,
    in_period,
    of_accounts,
    of_asset,
)
from ledger.reporting.reading import read
from ledger.reporting.rows import LedgerRow
from ledger.reporting.scope import Scope

OPENING_SEQ, CLOSING_SEQ = 0, -1
"""What stands in `seq` of the rows around an account's postings, which are numbered from 1."""

_ACCOUNT = """
    SELECT a.id FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id
     WHERE a.path = %s AND s.code = %s
"""
_MOMENT = """
    SELECT e.{axis}_at FROM ledger.postings p JOIN ledger.entries e ON e.id = p.entry_id
     WHERE p.account_id = %s AND p.seq = %s
"""
_OPENINGS = """
    SELECT n.id, sum(p.amount)::text {sources} WHERE {chosen} GROUP BY n.id
"""
_POSTINGS = """
    SELECT n.id, p.seq, e.id, e.occurred_at, e.recorded_at, e.kind, e.description, p.amount::text
      {sources} WHERE {chosen} ORDER BY n.place, e.{axis}_at, p.seq LIMIT %s
"""


class Place(NamedTuple):
    """A row of the general ledger by which the next ones are found: path, asset and `seq`."""

    account: str
    asset: str
    seq: int


class _Part(NamedTuple):
    """Some accounts in a row: what was before, what is to be shown, and in what form."""

    accounts: Sequence[Account]
    before: Chosen | None
    shown: Chosen
    opened: bool = False  # its opening row was given out on the page before
    always: bool = False  # also when there is nothing to show


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
    chosen = of_accounts(account, control) + of_asset(scope)
    rows = _rows(connection, scope, chosen, after, limit)
    return rows if limit is None else islice(rows, limit)


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
    account = _find_account(connection, path, asset)
    if after is None:
        rows = _show(connection, scope, _whole(scope, [account])._replace(always=True), limit)
    elif after.seq == CLOSING_SEQ:
        rows = iter(())
    else:
        rows = _show(connection, scope, _rest(connection, scope, account, after.seq), limit)
    return rows if limit is None else islice(rows, limit)


def _rows(
    connection: Connection, scope: Scope, chosen: Chosen, after: Place | None, limit: int | None
) -> Iterator[LedgerRow]:
    if after is not None and after.seq != CLOSING_SEQ:
        account = _find_account(connection, after.account, after.asset)
        yield from _show(connection, scope, _rest(connection, scope, account, after.seq), limit)
    size = ACCOUNTS_AT_A_TIME if limit is None else 1  # the first may do, if it is a busy one
    begun = ("", "") if after is None else (after.account, after.asset)
    for accounts in accounts_in_order(connection, chosen, after=begun, size=size):
        yield from _show(connection, scope, _whole(scope, accounts), limit)


def _whole(scope: Scope, accounts: Sequence[Account]) -> _Part:
    before = None
    if scope.starts_at is not None:
        before = Chosen(f"e.{scope.axis}_at < %s", (scope.starts_at,))
    return _Part(accounts, before, in_period(scope))


def _rest(connection: Connection, scope: Scope, account: Account, seq: int) -> _Part:
    """Return what is left of an account after its opening row or one of its postings."""
    part = _whole(scope, [account])._replace(opened=True, always=True)
    if seq == OPENING_SEQ:
        return part
    query = _MOMENT.format(axis=scope.axis)
    at: dt.datetime | None = connection.exec_driver_sql(query, (account.id, seq)).scalar()
    if at is None:
        raise UnknownAccountError(f"{account.path} has no posting {seq} in {account.asset}")
    had = Chosen(f"(e.{scope.axis}_at, p.seq) <= (%s, %s)", (at, seq))
    not_yet = Chosen(f"NOT {had.sql}", had.values)
    return part._replace(before=had, shown=part.shown + not_yet)


def _show(
    connection: Connection, scope: Scope, part: _Part, limit: int | None
) -> Iterator[LedgerRow]:
    """Yield the rows of some accounts; those after the first `limit` may be wrong."""
    ids = [account.id for account in part.accounts]
    openings: dict[int, str] = {}
    if part.before is not None:
        chosen = in_books(scope) + part.before
        query = _OPENINGS.format(sources=POSTINGS_OF_ACCOUNTS, chosen=chosen.sql)
        openings = dict(read(connection, query, (ids, *chosen.values)))
    chosen = in_books(scope) + part.shown
    query = _POSTINGS.format(sources=POSTINGS_OF_ACCOUNTS, chosen=chosen.sql, axis=scope.axis)
    postings = read(connection, query, (ids, *chosen.values, limit))
    moved = groupby(postings, key=itemgetter(0))
    account_id, rows = next(moved, (None, iter(())))
    for account in part.accounts:
        balance = int(openings.get(account.id, 0))
        if account.id == account_id:
            yield from _account(account, balance, rows, opened=part.opened)
            account_id, rows = next(moved, (None, iter(())))
        elif balance or part.always:
            yield from _account(account, balance, iter(()), opened=part.opened)


def _account(
    account: Account, balance: int, rows: Iterator[Any], *, opened: bool
) -> Iterator[LedgerRow]:
    if not opened:
        yield _around(account, OPENING_SEQ, "opening", balance)
    for _, seq, entry_id, occurred, recorded, kind, description, text in rows:
        amount = int(text)
        balance += amount
        yield LedgerRow(
            account.path, account.asset, seq, entry_id, occurred, recorded, kind, description,
            max(amount, 0), max(-amount, 0), balance,
        )  # fmt: skip
    yield _around(account, CLOSING_SEQ, "closing", balance)


def _around(account: Account, seq: int, kind: str, balance: int) -> LedgerRow:
    return LedgerRow(
        account.path, account.asset, seq, None, None, None, kind, None, 0, 0, balance
    )  # fmt: skip


def _find_account(connection: Connection, path: str, asset: str) -> Account:
    account_id = connection.exec_driver_sql(_ACCOUNT, (path, asset)).scalar()
    if account_id is None:
        raise UnknownAccountError(f"there is no account {path} in {asset}")
    return Account(account_id, path, asset)
