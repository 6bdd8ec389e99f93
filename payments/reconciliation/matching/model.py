"""What matching takes and gives: open lines and expectations in, matches and leftovers out."""

import datetime as dt
from enum import StrEnum
from typing import NamedTuple

# What quotes us by name may come this late in any case, in days.
REFERENCE_WINDOW_DAYS = 90


class OpenLine(NamedTuple):
    """A line of a statement that is not matched. Money in is positive, in minor units.

    `reference_keys` is what `payments.bank_reference.extract_keys` found in its text.
    """

    id: str
    amount: int
    currency: str
    booked_on: dt.date
    bank_ref: str | None = None
    end_to_end_id: str | None = None
    batch_ref: str | None = None
    is_bank_charge: bool = False
    reference_keys: tuple[str, ...] = ()


class OpenExpectation(NamedTuple):
    """What our books expect on a statement; `amount` is what is still open, signed as a line's.

    One whose amount is 0 is matched already: it takes nothing more, but a line that names it is
    then known for a duplicate.
    """

    id: int
    kind: str
    amount: int
    currency: str
    occurred_on: dt.date
    provider_ref: str | None = None
    reference_key: str | None = None
    batch_ref: str | None = None


class Policy(NamedTuple):
    """How far apart dates may be, and how certain a match must be to be made without a person."""

    date_window_days: int = 7
    automatic_from: int = 90

    @property
    def reference_window_days(self) -> int:
        """How far apart a line and what it names may be, in days."""
        return max(REFERENCE_WINDOW_DAYS, self.date_window_days)


class Rule(StrEnum):
    """Why a line is taken for what it is matched with."""

    PROVIDER_ID = "provider_id"
    REFERENCE = "reference"
    REFERENCE_NORMALISED = "reference_normalised"
    BATCH = "batch"
    SPLIT = "split"
    BANK_CHARGE = "bank_charge"
    REFERENCE_ONE_OFF = "reference_one_off"
    AMOUNT_DATE = "amount_date"


CERTAINTY = {
    Rule.PROVIDER_ID: 100,
    Rule.REFERENCE: 100,
    Rule.REFERENCE_NORMALISED: 98,
    Rule.BATCH: 97,
    Rule.SPLIT: 96,
    Rule.BANK_CHARGE: 95,
    Rule.REFERENCE_ONE_OFF: 92,
    Rule.AMOUNT_DATE: 60,
}
# A suggestion is never surer than this, whatever rule it is from.
SUGGESTED_AT_MOST = 60


class Reason(StrEnum):
    """Why a line is left for a person, or for a later run."""

    NO_REFERENCE = "no_reference"
    UNKNOWN_REFERENCE = "unknown_reference"
    AMOUNT_DIFFERS = "amount_differs"
    AMBIGUOUS = "ambiguous"
    DUPLICATE = "duplicate"
    OUTSIDE_WINDOW = "outside_window"


class Part(NamedTuple):
    """Part of a line's amount: for an expectation, or for an account of the ledger."""

    amount: int
    expectation_id: int | None = None
    account: str | None = None


class Match(NamedTuple):
    """What a line is for: its parts add up to its amount. `reason` is a sentence for people."""

    line_id: str
    parts: tuple[Part, ...]
    rule: str
    certainty: int
    reason: str


class Suggestion(NamedTuple):
    """What a person might match a line with; nothing to match it with if it is a duplicate."""

    expectation_ids: tuple[int, ...]
    certainty: int
    reason: str


class Leftover(NamedTuple):
    """A line that was not matched, and why."""

    line_id: str
    reason: str
    suggestion: Suggestion | None = None


class Outcome(NamedTuple):
    """What became of the lines, each in one of the two, in the order of their dates."""

    matches: list[Match]
    leftovers: list[Leftover]
