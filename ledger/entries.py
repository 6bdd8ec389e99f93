"""What is posted: an entry of two or more postings, and the fingerprint of its content."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ledger.errors import LedgerError, MalformedEntryError

MAX_POSTINGS = 1000
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


def fingerprint(entry: Entry) -> bytes:
    """Return the SHA-256 of what the entry does: kind, moment, accounts and amounts."""
    lines = ",".join([f"{account}:{amount}" for account, amount in entry.postings])
    text = f"{entry.kind}\n{entry.occurred_at.timestamp():.6f}\n{lines}"
    return hashlib.sha256(text.encode()).digest()


def check_form(entry: Entry) -> None:
    """Check what can be judged without the database.

    Raises:
        MalformedEntryError: says what is wrong with the entry.
    """
    if not 1 <= len(entry.effect_key) <= 255 or "\x00" in entry.effect_key:  # noqa: PLR2004 - as in the table
        raise MalformedEntryError("an effect key has 1 to 255 characters and no NUL")
    if entry.occurred_at.tzinfo is None:
        raise MalformedEntryError(f"{entry.effect_key}: occurred_at needs a time zone")
    if not 2 <= len(entry.postings) <= MAX_POSTINGS:  # noqa: PLR2004 - double entry
        raise MalformedEntryError(f"{entry.effect_key}: an entry has 2 to {MAX_POSTINGS} postings")
    for account_id, amount in entry.postings:
        if type(amount) is not int or type(account_id) is not int:
            raise MalformedEntryError(
                f"{entry.effect_key}: amounts and account ids are ints, "
                f"not {type(amount).__name__} and {type(account_id).__name__}"
            )
        if amount == 0 or not -MAX_AMOUNT < amount < MAX_AMOUNT:
            raise MalformedEntryError(f"{entry.effect_key}: an amount is not zero and below 10^78")
