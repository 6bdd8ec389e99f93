"""The income statement and the balance sheet, out of the trial balance."""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection

from ledger.reporting.rows import StatementRow
from ledger.reporting.scope import Scope
from ledger.reporting.trial_balance import trial_balance

CURRENT_EARNINGS = "equity:current-earnings"
"""No account: what income and expenses come to, so that the balance sheet balances."""

_DEBIT_SIDE = frozenset({"asset", "expense"})
_SECTIONS = {
    "income": "income",
    "expense": "expenses",
    "asset": "assets",
    "liability": "liabilities",
    "equity": "equity",
}


def income_statement(connection: Connection, scope: Scope) -> Iterator[StatementRow]:
    """Yield what the period brought: income, then expenses, each by path and asset.

    What moved in the period only; a cost or an income that came back is below zero.
    """
    rows = [
        (row, row.debit - row.credit)
        for row in trial_balance(connection, scope)
        if row.debit or row.credit
    ]
    for account_class in ("income", "expense"):
        sign = 1 if account_class in _DEBIT_SIDE else -1
        for row, moved in rows:
            if row.account_class == account_class:
                section = _SECTIONS[account_class]
                yield StatementRow(section, row.account, row.asset, sign * moved)


def balance_sheet(connection: Connection, scope: Scope) -> Iterator[StatementRow]:
    """Yield what there is at the period's end: assets, liabilities, equity, by path and asset.

    In each asset, assets are liabilities and equity together. Income and expenses since the
    beginning of the books are in equity as `equity:current-earnings`.
    """
    rows = [row for row in trial_balance(connection, scope) if row.closing]
    earned: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.account_class in {"income", "expense"}:
            earned[row.asset] -= row.closing
    for account_class in ("asset", "liability", "equity"):
        sign = 1 if account_class in _DEBIT_SIDE else -1
        for row in rows:
            if row.account_class == account_class:
                section = _SECTIONS[account_class]
                yield StatementRow(section, row.account, row.asset, sign * row.closing)
    for asset, amount in sorted(earned.items()):
        if amount:
            yield StatementRow("equity", CURRENT_EARNINGS, asset, amount)
