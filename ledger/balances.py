"""Balances: now, at any moment, and of all accounts at once. Debits are positive."""

import datetime as dt
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from ledger.assets import Asset
from ledger.errors import UnknownAccountError

Axis = Literal["occurred", "recorded"]


class AccountBalance(NamedTuple):
    """An account with its balance in minor units, debit positive, and what open holds reserve."""

    account_id: int
    path: str
    account_class: str
    asset: Asset
    balance: int
    held: int


def balance(connection: Connection, account_id: int) -> int:
    """Return the exact balance now, in minor units.

    Raises:
        UnknownAccountError: there is no such account.
    """
    return _one(connection, "SELECT ledger.balance_now(%s)", account_id)


def balance_at(
    connection: Connection, account_id: int, at: dt.datetime, *, axis: Axis = "occurred"
) -> int:
    """Return the balance at a past moment, in minor units.

    With `axis="occurred"` of everything that had happened by then, whenever it was recorded; with
    `axis="recorded"` of everything the books said then.

    Raises:
        UnknownAccountError: there is no such account.
    """
    return _one(connection, "SELECT ledger.balance_at(%s, %s, %s)", account_id, axis, at)


def available(connection: Connection, account_id: int) -> int | None:
    """Return what may still leave a strict account: above its floor and not held.

    None where the account has no floor.
    """
    query = "SELECT side * posted - held - floor FROM ledger.balances WHERE account_id = %s"
    row = connection.exec_driver_sql(query, (account_id,)).one_or_none()
    if row is None:
        raise UnknownAccountError(f"there is no account {account_id}")
    return None if row[0] is None else int(row[0])


def trial_balance(connection: Connection) -> list[AccountBalance]:
    """Return every account that was ever posted to; the balances sum to zero for each asset."""
    return _balances(connection, after=("", ""), limit=None)


def balances_page(
    connection: Connection, *, after: tuple[str, str] | None = None, limit: int
) -> list[AccountBalance]:
    """Return the trial balance in pages: at most `limit` accounts after a path and asset code."""
    return _balances(connection, after=after or ("", ""), limit=limit)


def _balances(
    connection: Connection, *, after: tuple[str, str], limit: int | None
) -> list[AccountBalance]:
    rows = connection.exec_driver_sql(
        "SELECT a.id, a.path, a.class, s.id AS asset_id, s.code, s.exponent,"
        "       ledger.balance_now(a.id) AS balance, b.held"
        "  FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id"
        "  JOIN ledger.balances b ON b.account_id = a.id"
        " WHERE a.path >= %s AND (a.path, s.code) > (%s, %s)"
        "   AND EXISTS (SELECT FROM ledger.postings p WHERE p.account_id = a.id)"
        " ORDER BY a.path, s.code LIMIT %s",
        (after[0], *after, limit),
    )
    return [
        AccountBalance(
            account_id=row.id,
            path=row.path,
            account_class=row[2],
            asset=Asset(row.asset_id, row.code, row.exponent),
            balance=int(row.balance),
            held=int(row.held),
        )
        for row in rows
    ]


def _one(connection: Connection, query: str, account_id: int, *more: object) -> int:
    value = connection.exec_driver_sql(query, (account_id, *more)).scalar_one_or_none()
    if value is None:
        raise UnknownAccountError(f"there is no account {account_id}")
    return int(value)
