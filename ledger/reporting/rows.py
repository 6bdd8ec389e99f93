"""The rows of the reports: `asset` is a code, amounts are in minor units of it."""

import datetime as dt
from typing import NamedTuple


class TrialBalanceRow(NamedTuple):
    """An account in the trial balance; `opening` and `closing` are debit positive.

    `debit` and `credit` are what moved in the period, both positive.
    """

    account: str
    account_class: str
    asset: str
    opening: int
    debit: int
    credit: int
    closing: int


class StatementRow(NamedTuple):
    """A line of the income statement or the balance sheet, positive in its natural direction.

    `section` is `income`, `expenses`, `assets`, `liabilities` or `equity`.
    """

    section: str
    account: str
    asset: str
    amount: int


class JournalRow(NamedTuple):
    """One line of an entry: a debit or a credit, the other is 0; `reverses` is an entry's id."""

    entry_id: int
    effect_key: str
    kind: str
    occurred_at: dt.datetime
    recorded_at: dt.datetime
    description: str | None
    reverses: int | None
    line: int
    account: str
    asset: str
    debit: int
    credit: int


class LedgerRow(NamedTuple):
    """A posting in its account, with the balance after it, debit positive.

    Of kind `opening` and `closing` are the rows around an account's postings: they have no entry
    and no moment, their `seq` is 0.
    """

    account: str
    asset: str
    seq: int
    entry_id: int | None
    occurred_at: dt.datetime | None
    recorded_at: dt.datetime | None
    kind: str
    description: str | None
    debit: int
    credit: int
    balance: int


class DayMovement(NamedTuple):
    """What moved on a control account on a day; both amounts are positive."""

    control: str
    account_class: str
    asset: str
    day: dt.date
    debit: int
    credit: int
