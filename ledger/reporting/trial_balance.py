"""The trial balance: what every account had, what moved, and what it has."""

from collections.abc import Iterator
from typing import Literal

from sqlalchemy import Connection

from ledger.reporting.chosen import before_end, in_books, of_accounts, of_asset
from ledger.reporting.reading import read
from ledger.reporting.rows import TrialBalanceRow
from ledger.reporting.scope import Scope
from ledger.reporting.totals import AccountTotal, class_of, control_totals, is_subsidiary

Detail = Literal["control", "account"]

_OF_POSTINGS = """
    SELECT {name} AS account, s.code,
           coalesce(sum(p.amount) FILTER (WHERE {opening}), 0)::text,
           coalesce(sum(p.amount) FILTER (WHERE NOT {opening} AND p.amount > 0), 0)::text,
           coalesce(-sum(p.amount) FILTER (WHERE NOT {opening} AND p.amount < 0), 0)::text
      FROM ledger.postings p
      JOIN ledger.entries e ON e.id = p.entry_id
      JOIN ledger.accounts a ON a.id = p.account_id
      JOIN ledger.assets s ON s.id = a.asset_id
     WHERE {chosen}
     GROUP BY {name}, s.code
    HAVING sum(p.amount) <> 0 OR bool_or(NOT {opening})
     ORDER BY {name}, s.code COLLATE "C"
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
    if detail == "control" and not (account and is_subsidiary(account)):
        rows = control_totals(connection, scope, account=account, control=control)
    else:
        rows = _from_postings(connection, scope, detail, account, control)
    for path, asset, opening, debit, credit in rows:
        yield TrialBalanceRow(
            path, class_of(path), asset, opening, debit, credit, opening + debit - credit
        )


def _from_postings(
    connection: Connection, scope: Scope, detail: Detail, account: str | None, control: str | None
) -> Iterator[AccountTotal]:
    name = "a.control" if detail == "control" else "a.path"
    chosen = in_books(scope) + before_end(scope) + of_asset(scope) + of_accounts(account, control)
    starts = () if scope.starts_at is None else (scope.starts_at,)
    opening = f"e.{scope.axis}_at < %s" if starts else "false"
    query = _OF_POSTINGS.format(name=name, opening=opening, chosen=chosen.sql)
    for row in read(connection, query, (*starts * 3, *chosen.values, *starts)):
        yield AccountTotal(row[0], row[1], int(row[2]), int(row[3]), int(row[4]))
