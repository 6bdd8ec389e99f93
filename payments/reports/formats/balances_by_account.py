"""The trial balance account by account, for the assertions of text files."""

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

from ledger.reporting import trial_balance
from ledger.reporting.rows import TrialBalanceRow
from ledger.reporting.scope import Scope

_FIRST = dt.date(1970, 1, 1)


class AccountBalances(NamedTuple):
    """An account with a row for each asset it has."""

    path: str
    rows: tuple[TrialBalanceRow, ...]


def by_account(connection: Connection, scope: Scope) -> Iterator[AccountBalances]:
    """Give every single account that has a balance or moved, in the order of their paths."""
    rows = trial_balance(connection, scope, detail="account")
    for path, found in groupby(rows, key=lambda row: row.account):
        yield AccountBalances(path, tuple(found))


def before(scope: Scope) -> dt.date:
    """Return the day on which accounts are opened: the one before the period."""
    if scope.first_day is None:
        return _FIRST
    return scope.first_day - dt.timedelta(days=1)


def with_descendants(accounts: Iterable[AccountBalances]) -> Iterator[AccountBalances]:
    """Give the accounts with the balances of those below them added, as beancount sees them.

    The paths come in the order of their bytes, so that what begins with a path follows it.
    """
    above: list[AccountBalances] = []
    for account in accounts:
        while above and not account.path.startswith(above[-1].path):
            yield above.pop()
        above = [_added(one, account) for one in above]
        above.append(account)
    yield from reversed(above)


def _added(one: AccountBalances, other: AccountBalances) -> AccountBalances:
    if not other.path.startswith(f"{one.path}:"):
        return one
    of_other = {row.asset: row for row in other.rows}
    rows = [
        row._replace(
            opening=row.opening + of_other[row.asset].opening,
            closing=row.closing + of_other[row.asset].closing,
        )
        if row.asset in of_other
        else row
        for row in one.rows
    ]
    return one._replace(rows=tuple(rows))
