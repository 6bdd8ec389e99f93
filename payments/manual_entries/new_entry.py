"""What a person asks to be posted, and whether it could be right."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ledger import JournalLine
from payments.errors import ConflictError, InvalidRequestError
from payments.manual_entries.open_accounts import why_closed

MOST_LINES = 200
LONGEST_REASON = 500
MOST_YEARS_BACK = 10
"""Months are closed one after the other from the oldest entry on: a slip in a year makes many."""

_FEWEST_LINES = 2


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """An entry to post, effective on a day in UTC, and why.

    `lines` in minor units, debit positive. `attachment_sha256` is of the document that proves it,
    which is kept elsewhere. `auto_reverse_on` is the day on which it is undone by itself.
    """

    effective_on: dt.date
    reason: str
    lines: tuple[JournalLine, ...]
    attachment_sha256: bytes | None = None
    auto_reverse_on: dt.date | None = None

    def content(self) -> Mapping[str, Any]:
        """Return it for the reference's fingerprint."""
        attachment, reverse_on = self.attachment_sha256, self.auto_reverse_on
        return {
            "effective_on": self.effective_on.isoformat(),
            "reason": self.reason,
            "lines": [[line.path, line.asset, str(line.amount)] for line in self.lines],
            "attachment_sha256": None if attachment is None else attachment.hex(),
            "auto_reverse_on": None if reverse_on is None else reverse_on.isoformat(),
        }


def check_entry(entry: NewEntry, *, assets: Collection[str], now: dt.datetime) -> None:
    """Check what can be told without the books.

    Raises:
        InvalidRequestError: `errors` names each field: an account that people may not post to, an
            asset that does not exist, lines that do not balance, days in the wrong order.
    """
    errors = {**_wrong_days(entry, now=now), **_wrong_lines(entry, assets)}
    if not entry.reason.strip() or len(entry.reason) > LONGEST_REASON:
        errors["reason"] = [f"Say why, in at most {LONGEST_REASON} characters."]
    if errors:
        raise InvalidRequestError("The entry is not valid.", errors=errors)


def start_of(day: dt.date) -> dt.datetime:
    """Return the effective moment of what is effective on a day: its beginning in UTC."""
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)


def require_open(occurred_at: dt.datetime, *, closed_through: dt.datetime | None) -> None:
    """Require that the month of an entry is open.

    Raises:
        ConflictError: it is closed (`period_closed`).
    """
    if closed_through is not None and occurred_at <= closed_through:
        raise ConflictError(
            f"The books are closed through {closed_through.date()}.", code="period_closed"
        )


def _wrong_days(entry: NewEntry, *, now: dt.datetime) -> dict[str, list[str]]:
    errors = {}
    if start_of(entry.effective_on) > now:
        errors["effective_on"] = ["Use today or a day before, in UTC."]
    earliest = dt.date(now.astimezone(dt.UTC).year - MOST_YEARS_BACK, 1, 1)
    if entry.effective_on < earliest:
        errors["effective_on"] = [f"Use {earliest} or a later day."]
    if entry.auto_reverse_on is not None and entry.auto_reverse_on <= entry.effective_on:
        errors["auto_reverse_on"] = ["Use a day after `effective_on`."]
    return errors


def _wrong_lines(entry: NewEntry, assets: Collection[str]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if not _FEWEST_LINES <= len(entry.lines) <= MOST_LINES:
        return {"lines": [f"Use {_FEWEST_LINES} to {MOST_LINES} lines."]}
    sums: defaultdict[str, int] = defaultdict(int)
    for place, line in enumerate(entry.lines):
        sums[line.asset] += line.amount
        reason = why_closed(line.path)
        if reason is not None:
            errors[f"lines.{place}.account"] = [reason]
        if line.asset not in assets:
            errors[f"lines.{place}.asset"] = ["There is no such asset."]
        if line.amount == 0:
            errors[f"lines.{place}.debit"] = ["Use at least 1."]
    apart = {asset: excess for asset, excess in sorted(sums.items()) if excess}
    if apart:
        errors["lines"] = [
            f"Debits and credits differ by {excess} in {asset}." for asset, excess in apart.items()
        ]
    return errors
