"""Journal entries by hand, in requests and answers."""

from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate, validates_schema

from payments.manual_entries.new_entry import LONGEST_REASON, MOST_LINES
from payments.manual_entries.read_entries import STATUSES
from web.schemas.fields import (
    AmountField,
    PageQuery,
    StrictSchema,
    TextField,
    reference_field,
)

_POSITIVE = {"description": "Minor units.", "minimum": 1, "pattern": "^0*[1-9][0-9]*$"}
_SHA256 = "^[0-9a-f]{64}$"
_MOMENT = {"format": "date-time"}
_DAY = {"format": "date"}
_ENTRY: dict[str, Any] = {
    "id": "jrn_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    "entry_id": 4711,
    "kind": "manual",
    "status": "posted",
    "effect_key": "jrn_01KB2V6Q0R8Y4W5Z7X9A1C3E5G:manual",
    "description": "Rent of October, billed in November.",
    "effective_on": "2026-10-31",
    "occurred_at": "2026-10-31T00:00:00Z",
    "recorded_at": "2026-11-02T09:30:00Z",
    "lines": [
        {"account": "expenses:rent", "asset": "EUR", "debit": "120000", "credit": None},
        {"account": "liabilities:accrued:rent", "asset": "EUR", "debit": None, "credit": "120000"},
    ],
    "reverses_entry_id": None,
    "reversed_by_entry_id": None,
    "attachment_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "auto_reverse_on": "2026-11-30",
    "requested_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    "requested_at": "2026-11-02T09:00:00Z",
    "decided_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5H",
    "decided_at": "2026-11-02T09:30:00Z",
    "refusal": None,
}


class NewJournalLine(StrictSchema):
    """A line: one of debit and credit."""

    account = TextField(required=True, longest=200)
    asset = TextField(required=True, longest=20)
    debit = AmountField(load_default=None, allow_none=True, metadata=_POSITIVE)
    credit = AmountField(load_default=None, allow_none=True, metadata=_POSITIVE)

    @validates_schema
    def check_side(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Require exactly one side, of at least 1."""
        if (data.get("debit") is None) == (data.get("credit") is None):
            raise ValidationError("Give one of `debit` and `credit`.", "debit")
        for side in ("debit", "credit"):
            if data.get(side) == 0:
                raise ValidationError("Use at least 1.", side)


class NewJournalEntry(StrictSchema):
    """A journal entry that somebody else is to approve; debits and credits of each asset agree."""

    example: ClassVar = {
        "reference": "rent-2026-10",
        "reason": "Rent of October, billed in November.",
        "effective_on": "2026-10-31",
        "lines": [
            {"account": "expenses:rent", "asset": "EUR", "debit": "120000"},
            {"account": "liabilities:accrued:rent", "asset": "EUR", "credit": "120000"},
        ],
        "attachment_sha256": _ENTRY["attachment_sha256"],
        "auto_reverse_on": "2026-11-30",
    }

    reference = reference_field()
    reason = TextField(required=True, longest=LONGEST_REASON)
    effective_on = fields.Date(
        required=True, metadata={"description": "The day in UTC that it is of; none to come."}
    )
    lines = fields.List(
        fields.Nested(NewJournalLine), required=True, validate=validate.Length(2, MOST_LINES)
    )
    attachment_sha256 = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(_SHA256, error="Write the SHA-256 as 64 digits of 0-9, a-f."),
        metadata={
            "description": "Of the document that proves it, which you keep: it shows later that it"
            " is the same one."
        },
    )
    auto_reverse_on = fields.Date(
        load_default=None,
        allow_none=True,
        metadata={"description": "The day in UTC on which it is undone by itself, once."},
    )


class EntryDecision(StrictSchema):
    """A second person's approval."""

    example: ClassVar = {"reference": "approve-rent-2026-10"}

    reference = reference_field()


class EntryRejection(StrictSchema):
    """A second person's no, and why."""

    example: ClassVar = {"reference": "reject-rent-2026-10", "reason": "It was billed before."}

    reference = reference_field()
    reason = TextField(required=True, longest=LONGEST_REASON)


class NewReversal(StrictSchema):
    """The reversal of an entry that was posted by hand; somebody else is to approve it."""

    example: ClassVar = {"reference": "undo-rent-2026-10", "reason": "It was billed before."}

    reference = reference_field()
    reason = TextField(required=True, longest=LONGEST_REASON)
    effective_on = fields.Date(
        load_default=None,
        allow_none=True,
        metadata={"description": "Today if left out; not before the entry's own day."},
    )


class JournalEntryLine(StrictSchema):
    """A line of an entry, in minor units; one side is null."""

    account = fields.String()
    asset = fields.String()
    debit = fields.String(allow_none=True)
    credit = fields.String(allow_none=True)


class JournalEntry(StrictSchema):
    """A journal entry. What only entries by hand have is null for all others."""

    example: ClassVar = _ENTRY

    id = fields.String(allow_none=True, metadata={"description": "Of an entry by hand."})
    entry_id = fields.Integer(
        allow_none=True, metadata={"description": "Its number in the journal, once posted."}
    )
    kind = fields.String(
        metadata={
            "description": "manual, reversal or auto_reversal by hand; else what it is the effect"
            " of, such as charge or release."
        }
    )
    status = fields.String(validate=validate.OneOf(STATUSES))
    effect_key = fields.String(allow_none=True)
    description = fields.String(allow_none=True, metadata={"description": "By hand: the reason."})
    effective_on = fields.String(metadata=_DAY)
    occurred_at = fields.String(metadata=_MOMENT)
    recorded_at = fields.String(allow_none=True, metadata=_MOMENT)
    lines = fields.List(fields.Nested(JournalEntryLine))
    reverses_entry_id = fields.Integer(allow_none=True)
    reversed_by_entry_id = fields.Integer(allow_none=True)
    attachment_sha256 = fields.String(allow_none=True, metadata={"pattern": _SHA256})
    auto_reverse_on = fields.String(allow_none=True, metadata=_DAY)
    requested_by = fields.String(allow_none=True)
    requested_at = fields.String(allow_none=True, metadata=_MOMENT)
    decided_by = fields.String(allow_none=True)
    decided_at = fields.String(allow_none=True, metadata=_MOMENT)
    refusal = fields.String(
        allow_none=True, metadata={"description": "Why a person or the ledger said no."}
    )


class EntriesQuery(PageQuery):
    """Which entries by hand are wanted."""

    status = fields.String(validate=validate.OneOf(STATUSES))


class JournalEntryPage(StrictSchema):
    """Entries by hand, newest first."""

    data = fields.List(fields.Nested(JournalEntry))
    next = fields.String(allow_none=True)
