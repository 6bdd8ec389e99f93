"""The trial balance: what every account had, what moved, and what it has."""

from collections.abc import Iterator
from typing import Literal

from sqlalchemy import Connection

from ledger.reporting.accounts import ACCOUNTS_AT_A_TIME, accounts_in_order
from ledger.reporting.chosen import (
    POSTINGS_OF_ACCOUNTS,
    Chosen,
    before_end,
    in_books,
    of_accounts,
    of_asset,
)
from ledger.reporting.rows import TrialBalanceRow
from ledger.reporting.scope import Scope
from ledger.reporting.totals import AccountTotal, class_of, control_totals, is_subsidiary

Detail = Literal["control", "account"]

_OF_ACCOUNTS = """
    SELECT n.id,
           coalesce(sum(p.amount) FILTER (WHERE {opening}), 0)::text,
           coalesce(sum(p.amount) FILTER (WHERE NOT {opening} AND p.amount > 0), 0)::text,
           coalesce(-sum(p.amount) FILTER (WHERE NOT {opening} AND p.amount < 0), 0)::text
      {sources}
     WHERE {chosen}
     GROUP BY n.id
    HAVING sum(p.amount) <> 0 OR bool_or(NOT {opening})
"""


def trial_balance(
    connection: Connection,
    scope: Scope,
    *,
    detail: Detail = "control",
    account: str | None = None,
    control: str | None = None,
) -> Iterator[TrialBalanceRow]:
    """Yield the accounts that have a balance or moved in the period, by path and asset.

    By control account, or by `detail="account"` by every single one. `account` narrows it to a
    path and all under it, `control` to exactly one control account.
    """
    if account is not None and is_subsidiary(account):
        detail = "account"  # it is one of many: totals are not kept of it
    if detail == "control":
        rows = control_totals(connection, scope, account=account, control=control)
    else:
        rows = _account_totals(connection, scope, of_accounts(account, control))
    for path, asset, opening, debit, credit in rows:
        yield TrialBalanceRow(
            path, class_of(path), asset, opening, debit, credit, opening + debit - credit
        )


def _account_totals(
    connection: Connection, scope: Scope, accounts: Chosen
) -> Iterator[AccountTotal]:
    chosen = in_books(scope) + before_end(scope)
    starts = () if scope.starts_at is None else (scope.starts_at,)
    opening = f"e.{scope.axis}_at < %s" if starts else "false"
    query = _OF_ACCOUNTS.format(sources=POSTINGS_OF_ACCOUNTS, opening=opening, chosen=chosen.sql)
    wanted = accounts + of_asset(scope)
    for some in accounts_in_order(connection, wanted, size=ACCOUNTS_AT_A_TIME):
        values = (*starts * 3, [one.id for one in some], *chosen.values, *starts)
        moved = {row[0]: row[1:] for row in connection.exec_driver_sql(query, values)}
        for one in some:
            if one.id in moved:
                yield AccountTotal(one.path, one.asset, *map(int, moved[one.id]))
