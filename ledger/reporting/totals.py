"""Sums by control account, read from the daily totals and what is not in them yet."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from ledger.reporting.chosen import Chosen
from ledger.reporting.reading import read
from ledger.reporting.rows import DayMovement
from ledger.reporting.scope import Scope

CLASSES = {
    "assets": "asset",
    "liabilities": "liability",
    "equity": "equity",
    "income": "income",
    "expenses": "expense",
}

# As in the generated column `control` of ledger.accounts, 0009_finance/1_control_accounts.sql.
_SUBSIDIARY = re.compile(r":(?:[a-z]{2,5}_[0-9A-Z]{26}|0x[0-9A-Fa-f]{40})$")

_MOVED = """
    SELECT t.control, s.code,
           coalesce(sum(t.debit - t.credit) FILTER (WHERE {opening}), 0)::text,
           coalesce(sum(t.debit) FILTER (WHERE NOT {opening}), 0)::text,
           coalesce(sum(t.credit) FILTER (WHERE NOT {opening}), 0)::text
      FROM ledger.totals_as_of(%s, %s::date[]) t JOIN ledger.assets s ON s.id = t.asset_id
     WHERE {chosen}
     GROUP BY t.control, s.code
    HAVING sum(t.debit - t.credit) <> 0 OR sum(t.debit) FILTER (WHERE NOT {opening}) <> 0
        OR sum(t.credit) FILTER (WHERE NOT {opening}) <> 0
     ORDER BY t.control, s.code COLLATE "C"
"""
_COUNT = """
    SELECT coalesce(sum(t.posting_count), 0)::bigint
      FROM ledger.totals_as_of(%s, %s::date[]) t JOIN ledger.assets s ON s.id = t.asset_id
     WHERE {chosen}
"""
_DAYS = """
    SELECT t.control, s.code, t.{axis}_on, sum(t.debit)::text, sum(t.credit)::text
      FROM ledger.totals_as_of(%s, %s::date[]) t JOIN ledger.assets s ON s.id = t.asset_id
     WHERE {chosen}
     GROUP BY t.control, s.code, t.{axis}_on
    HAVING sum(t.posting_count) <> 0
     ORDER BY t.control, s.code COLLATE "C", t.{axis}_on
"""


class AccountTotal(NamedTuple):
    """An account before the period, debit positive, and what moved in it."""

    account: str
    asset: str
    opening: int
    debit: int
    credit: int


def is_subsidiary(path: str) -> bool:
    """Tell whether an account is one of many under a control account."""
    return _SUBSIDIARY.search(path) is not None


def control_totals(
    connection: Connection, scope: Scope, *, account: str | None, control: str | None
) -> Iterator[AccountTotal]:
    """Yield the control accounts with a balance or a movement, by path and asset.

    `account` is a path that is no subsidiary account; see `is_subsidiary`.
    """
    chosen = _up_to_end(scope) + _of(scope, account, control)
    starts = () if scope.first_day is None else (scope.first_day,)
    opening = f"t.{scope.axis}_on < %s" if starts else "false"
    query = _MOVED.format(opening=opening, chosen=chosen.sql)
    values = (*starts * 3, scope.as_of, _cuts(scope), *chosen.values, *starts * 2)
    for path, asset, *amounts in read(connection, query, values):
        yield AccountTotal(path, asset, *map(int, amounts))


def control_postings(
    connection: Connection, scope: Scope, *, account: str | None, control: str | None
) -> int:
    """Return how many postings of the period the control accounts have."""
    chosen = _up_to_end(scope) + _from_start(scope) + _of(scope, account, control)
    query = _COUNT.format(chosen=chosen.sql)
    values = (scope.as_of, _cuts(scope), *chosen.values)
    return int(connection.exec_driver_sql(query, values).scalar_one())


def daily_movements(connection: Connection, scope: Scope) -> Iterator[DayMovement]:
    """Yield what moved on every control account on every day of the period with a posting.

    In the order of account, asset and day. Balances over time are the trial balance's opening and
    these.
    """
    chosen = _up_to_end(scope) + _from_start(scope) + _of(scope, None, None)
    query = _DAYS.format(axis=scope.axis, chosen=chosen.sql)
    cuts: list[dt.date] | None = None if scope.axis == "recorded" else []
    for path, asset, day, debit, credit in read(
        connection, query, (scope.as_of, cuts, *chosen.values)
    ):
        yield DayMovement(path, class_of(path), asset, day, int(debit), int(credit))


def class_of(path: str) -> str:
    """Return the class of an account: asset, liability, equity, income or expense."""
    return CLASSES[path.partition(":")[0]]


def _cuts(scope: Scope) -> list[dt.date]:
    """Return the days of recording that must be told apart from those before them."""
    if scope.axis == "occurred":
        return []
    after = None if scope.last_day is None else scope.last_day + dt.timedelta(days=1)
    return [day for day in (scope.first_day, after) if day is not None]


def _up_to_end(scope: Scope) -> Chosen:
    if scope.last_day is None:
        return Chosen("true", ())
    return Chosen(f"t.{scope.axis}_on <= %s", (scope.last_day,))


def _from_start(scope: Scope) -> Chosen:
    if scope.first_day is None:
        return Chosen("true", ())
    return Chosen(f"t.{scope.axis}_on >= %s", (scope.first_day,))


def _of(scope: Scope, account: str | None, control: str | None) -> Chosen:
    chosen = Chosen("true", ())
    if scope.asset is not None:
        chosen += Chosen("s.code = %s", (scope.asset,))
    if control is not None:
        chosen += Chosen("t.control = %s", (control,))
    if account is not None:
        under = f"{account}:"
        chosen += Chosen("(t.control = %s OR starts_with(t.control, %s))", (account, under))
    return chosen
