"""The book of lines: what really moved on our accounts. Statements are read from it."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sandbox.bank.books import Books
from sandbox.simulated.store import Transaction

Kind = Literal["credit", "debit", "charge", "interest"]
_REF_PREFIX = "SRB"


@dataclass(frozen=True)
class Part:
    """One movement in a line, signed; a batch booking has many, every other line one."""

    amount: int
    name: str
    account: str
    text: str
    end_to_end_id: str
    bank_ref: str = ""


@dataclass(frozen=True)
class Line:
    """One booked line of one account; `amount` in minor units, positive came in."""

    seq: int
    account: str
    booked_on: dt.date
    amount: int
    kind: Kind
    is_batch: bool
    parts: tuple[Part, ...]

    @property
    def bank_ref(self) -> str:
        """The bank's own reference of it, at most 16 characters."""
        return f"{_REF_PREFIX}{self.booked_on:%y%m%d}{self.seq:07d}"


def book(
    books: Books,
    account: str,
    parts: Sequence[Part],
    *,
    kind: Kind,
    booked_on: dt.date | None = None,
    is_batch: bool = False,
) -> int:
    """Book a line on the day, today if none is given, and return its number."""
    row = books.transaction.sql.execute(
        "INSERT INTO lines (account, booked_on, amount, kind, is_batch, parts)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING seq",
        (
            account,
            (booked_on or books.account.today).isoformat(),
            sum(part.amount for part in parts),
            kind,
            is_batch,
            json.dumps([asdict(part) for part in parts]),
        ),
    ).fetchone()
    return int(row[0])


def lines_of(
    transaction: Transaction, account: str, *, since: dt.date, until: dt.date
) -> list[Line]:
    """The lines of an account booked from one day to another, both included, in order."""
    rows: Iterable[tuple[int, str, str, int, Kind, int, str]] = transaction.sql.execute(
        "SELECT seq, account, booked_on, amount, kind, is_batch, parts FROM lines"
        " WHERE account = ? AND booked_on BETWEEN ? AND ? ORDER BY booked_on, seq",
        (account, since.isoformat(), until.isoformat()),
    )
    return [
        Line(
            seq,
            name,
            dt.date.fromisoformat(day),
            amount,
            kind,
            bool(is_batch),
            tuple(Part(**part) for part in json.loads(parts)),
        )
        for seq, name, day, amount, kind, is_batch, parts in rows
    ]


def balance_before(transaction: Transaction, account: str, day: dt.date) -> int:
    """What the account held when the day began, in minor units."""
    row = transaction.sql.execute(
        "SELECT coalesce(sum(amount), 0) FROM lines WHERE account = ? AND booked_on < ?",
        (account, day.isoformat()),
    ).fetchone()
    return int(row[0])


def first_day(transaction: Transaction) -> dt.date | None:
    """The day of the oldest line of all accounts."""
    (day,) = transaction.sql.execute("SELECT min(booked_on) FROM lines").fetchone()
    return None if day is None else dt.date.fromisoformat(day)
