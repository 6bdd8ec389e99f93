"""What must be true of every statement, in whatever format: one account, one currency, sums."""

import datetime as dt
from collections.abc import Sequence

from payments.bank_settings import BankAccount
from payments.reconciliation.statements.account_numbers import is_same_account
from payments.reconciliation.statements.errors import (
    NotBalancedError,
    OtherAccountError,
    StatementError,
    quoted,
    refuse_at,
    refuse_file,
)
from payments.reconciliation.statements.model import Statement
from payments.reconciliation.statements.values import Scales, display

_BOOKED_AHEAD = dt.timedelta(days=7)
_VALUED_AHEAD = dt.timedelta(days=366)
_MOST_FAULTS = 20


def check_statements(
    statements: Sequence[Statement], *, account: BankAccount, scales: Scales, today: dt.date
) -> None:
    """Refuse the file unless each of its statements is of `account` and true in itself.

    Raises:
        StatementError: names the first statement that is not, and why.
    """
    if not statements:
        raise refuse_file("The file holds no statement: export it anew, and whole.")
    for statement in statements:
        _check_account(statement, account)
        _check_currency(statement, account)
        _check_dates(statement, today)
        check_balances(statement, scales=scales)


def check_balances(statement: Statement, *, scales: Scales) -> None:
    """Refuse a statement whose lines do not lead from its opening to its closing balance.

    Raises:
        StatementError: so it is; all three figures are named.
    """
    opening, closing = statement.opening_balance, statement.closing_balance
    if opening is None or closing is None:
        return
    moved = sum(line.amount for line in statement.lines)
    if opening + moved == closing:
        return

    def shown(units: int) -> str:
        return display(units, currency=statement.currency, scales=scales)

    told = (
        f"The opening balance {shown(opening)} and the lines' sum {shown(moved)} make"
        f" {shown(opening + moved)}, but the closing balance is {shown(closing)}."
        " Lines are missing or changed: export the statement anew."
    )
    raise refuse_at(statement.where, "balances", told, error=NotBalancedError)


def _check_account(statement: Statement, account: BankAccount) -> None:
    named = statement.account
    if named is None or is_same_account(named, account.identifier, currency=account.currency):
        return
    told = (
        f"The statement is of an account that ends in {quoted(named[-4:])}, not of"
        f" {account.name!r}."
        " Name the account it is of, and import other accounts' statements by themselves."
    )
    raise refuse_at(statement.where, "account", told, error=OtherAccountError)


def _check_currency(statement: Statement, account: BankAccount) -> None:
    if statement.currency != account.currency:
        told = f"The statement is in {statement.currency}, {account.name!r} in {account.currency}."
        raise refuse_at(statement.where, "currency", told, error=OtherAccountError)
    faults = {
        f"{line.where}, currency": [
            f"The line is in {line.currency}, the statement in {statement.currency}."
        ]
        for line in statement.lines
        if line.currency != statement.currency
    }
    _refuse_all(faults)


def _check_dates(statement: Statement, today: dt.date) -> None:
    faults: dict[str, list[str]] = {}
    for line in statement.lines:
        if line.booked_on > today + _BOOKED_AHEAD:
            faults[f"{line.where}, booked on"] = [f"{line.booked_on} is in the future."]
        if line.value_on > today + _VALUED_AHEAD:
            faults[f"{line.where}, value date"] = [f"{line.value_on} is over a year ahead."]
    closing = statement.closing_date
    if closing is not None and closing > today + _BOOKED_AHEAD:
        faults[f"{statement.where}, closing balance"] = [f"{closing} is in the future."]
    _refuse_all(faults)


def _refuse_all(faults: dict[str, list[str]]) -> None:
    if not faults:
        return
    place, (told, *_) = next(iter(faults.items()))
    more = f" {len(faults) - 1} more lines are wrong, too." if len(faults) > 1 else ""
    raise StatementError(
        f"The statement is refused: {place}: {told}{more}",
        errors=dict(list(faults.items())[:_MOST_FAULTS]),
    )
