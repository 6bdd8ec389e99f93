"""What a statement says, whatever format it came in. Amounts are minor units, money in positive."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A booked line; `where` is its place in the file, for people to find it.

    `bank_ref` is the bank's own name for it. `batch_ref` is set when the bank booked several
    payments as one; the references of all of them then stand in `text`. `is_bank_charge` is by the
    bank's own transaction code.
    """

    position: int
    where: str
    amount: int
    currency: str
    booked_on: dt.date
    value_on: dt.date
    bank_ref: str | None = None
    end_to_end_id: str | None = None
    batch_ref: str | None = None
    is_bank_charge: bool = False
    counterparty_name: str | None = None
    counterparty_account: str | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A statement of one account; formats without balances leave all three of them None.

    `account` is how the file names the account, None when it does not. `from_date` and `to_date`
    are the period that it says it covers.
    """

    where: str
    account: str | None
    currency: str
    statement_ref: str | None = None
    from_date: dt.date | None = None
    to_date: dt.date | None = None
    opening_balance: int | None = None
    closing_balance: int | None = None
    closing_date: dt.date | None = None
    lines: tuple[Line, ...] = ()
