"""What is posted: an entry of two or more postings, and the fingerprint of its content."""

import datetime as dt
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import chain
from typing import Any, NamedTuple

from ledger.errors import LedgerError, MalformedEntryError

MAX_KEY = 255
MIN_POSTINGS = 2
MAX_POSTINGS = 1000
MAX_ID = 2**63 - 1
MAX_AMOUNT = 10**78  # the database's domain `ledger.minor_units`; uint256 fits


class Posting(NamedTuple):
    """One line of an entry: `amount` in minor units, debit positive, credit negative."""

    account_id: int
    amount: int


class Entry(NamedTuple):
    """One movement of money, balanced in every asset.

    `effect_key` is unique for ever: the same effect posted again is the same entry. Begin it with
    something that grows, such as a payment's id. `occurred_at` is when it happened, which may be
    long before it is recorded. The fingerprint covers `kind`, `occurred_at` and the postings;
    `description` and `metadata` explain and may differ in a replay.
    """

    effect_key: str
    kind: str
    occurred_at: dt.datetime
    postings: Sequence[Posting]
    description: str | None = None
    metadata: Mapping[str, Any] | None = None


class Posted(NamedTuple):
    """The entry stands in the ledger; `replayed` if it did before."""

    entry_id: int
    replayed: bool = False


class Refused(NamedTuple):
    """The entry was refused and left no trace."""

    error: LedgerError

    @property
    def reason_code(self) -> str:
        """The stable code of the reason, such as `insufficient_funds`."""
        return self.error.code

    @property
    def detail(self) -> str:
        """The reason in a sentence."""
        return str(self.error)


def utc_text(at: dt.datetime) -> str:
    """Return a moment as ISO 8601 text in UTC, the same text for the same moment."""
    return (at if at.tzinfo is dt.UTC else at.astimezone(dt.UTC)).isoformat()


def content(entry: Entry, occurred_at: str) -> bytes:
    """Return what the fingerprint is taken of: kind, moment (`utc_text`), accounts and amounts."""
    lines = ",".join(map(str, chain.from_iterable(entry.postings)))
    return f"{entry.kind}\n{occurred_at}\n{lines}".encode()


def fingerprint(entry: Entry) -> bytes:
    """Return the SHA-256 of what the entry does."""
    return sha256(content(entry, utc_text(entry.occurred_at))).digest()


def check_form(entry: Entry) -> None:
    """Check what can be judged without the database.

    Raises:
        MalformedEntryError: says what is wrong with the entry.
    """
    for name, text in (("effect_key", entry.effect_key), ("kind", entry.kind)):
        if not 1 <= len(text) <= MAX_KEY or "\x00" in text:
            raise MalformedEntryError(f"{name} has 1 to {MAX_KEY} characters and no NUL")
    if entry.occurred_at.tzinfo is None:
        raise MalformedEntryError(f"{entry.effect_key}: occurred_at needs a time zone")
    if not MIN_POSTINGS <= len(entry.postings) <= MAX_POSTINGS:
        raise MalformedEntryError(
            f"{entry.effect_key}: an entry has {MIN_POSTINGS} to {MAX_POSTINGS} postings"
        )
    for account_id, amount in entry.postings:
        if type(amount) is not int or type(account_id) is not int:
            raise MalformedEntryError(
                f"{entry.effect_key}: amounts and account ids are ints, "
                f"not {type(amount).__name__} and {type(account_id).__name__}"
            )
        if amount == 0 or not -MAX_AMOUNT < amount < MAX_AMOUNT:
            raise MalformedEntryError(f"{entry.effect_key}: an amount is not zero and below 10^78")
        if not 0 < account_id <= MAX_ID:
            raise MalformedEntryError(f"{entry.effect_key}: {account_id} is not an account's id")
