"""One line of a payment's history, whatever kind of thing it tells of."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ledger.journal import JournalLine

Kind = Literal[
    "request",
    "webhook",
    "step",
    "call",
    "chain",
    "receipt",
    "refund",
    "dispute",
    "release",
    "payout",
    "ledger",
    "invoice",
    "job",
    "notice",
    "settlement",
]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something that happened at a time, with its outcome: a state, or None for a plain fact.

    `note` is a second sentence, `ref` an id to look for elsewhere, `amount` in minor units of
    `currency`, `lasted` how long it took when that is known. `postings` are of a ledger entry.
    """

    at: dt.datetime
    kind: Kind
    what: str
    outcome: str | None = None
    note: str | None = None
    ref: str | None = None
    amount: int | None = None
    currency: str | None = None
    lasted: dt.timedelta | None = None
    postings: Sequence[JournalLine] = field(default=())

    @property
    def day(self) -> str:
        """The day in UTC, as 2026-10-31."""
        return self.at.astimezone(dt.UTC).date().isoformat()


def in_order(lines: Sequence[Line]) -> list[Line]:
    """Return lines by time, those of one moment in the order in which they were given."""
    return sorted(lines, key=lambda line: line.at)


def spent(begun: dt.datetime, ended: dt.datetime | None) -> dt.timedelta | None:
    """Return how long something took; None while it goes on, or when nobody measured."""
    return ended - begun if ended is not None and ended > begun else None
