"""One account's lines of some days, with the balances around them."""

import datetime as dt
from dataclasses import dataclass

from sandbox.bank.account import BankAccount
from sandbox.bank.books import Books
from sandbox.bank.lines import Line, balance_before, lines_of

_DECIMALS = {"JPY": 0, "KRW": 0}


@dataclass(frozen=True)
class Statement:
    """A statement; balances in minor units, the closing one is the opening one and all lines."""

    account: BankAccount
    since: dt.date
    until: dt.date
    opening: int
    lines: tuple[Line, ...]

    @property
    def closing(self) -> int:
        """What the account held when the last day was over."""
        return self.opening + sum(line.amount for line in self.lines)

    @property
    def number(self) -> int:
        """Its number, which only its last day decides on: statements of a year are in order."""
        return self.until.timetuple().tm_yday

    @property
    def reference(self) -> str:
        """The bank's name for it, at most 16 characters."""
        return f"{self.account.name[:4].upper()}{self.since:%y%m%d}{self.until:%y%m%d}"


def read_statement(
    books: Books, account: BankAccount, *, since: dt.date, until: dt.date
) -> Statement:
    """The statement of an account from one day to another, both included."""
    return Statement(
        account,
        since,
        until,
        balance_before(books.transaction, account.name, since),
        tuple(lines_of(books.transaction, account.name, since=since, until=until)),
    )


def decimal(amount: int, currency: str, *, point: str = ".") -> str:
    """An amount without its sign: 12500 EUR is 125.00."""
    decimals = _DECIMALS.get(currency, 2)
    whole, part = divmod(abs(amount), 10**decimals)
    return f"{whole}{point}{part:0{decimals}d}" if decimals else f"{whole}"
