"""Months of the books in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.periods.close_period import LONGEST_EXPLANATION, MOST_EXPLANATIONS
from payments.periods.reopen_period import LONGEST_REASON
from web.schemas.fields import StrictSchema, TextField, reference_field

_MOMENT = {"format": "date-time"}
_CLOSING: dict[str, Any] = {
    "id": "per_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    "month": "2026-10",
    "revision": 1,
    "state": "closed",
    "as_of": "2026-11-03T09:30:00.123456Z",
    "ledger_sequence": 48210,
    "explanations": {},
    "closed_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    "closed_at": "2026-11-03T09:30:00Z",
    "reopen_requested_by": None,
    "reopen_requested_at": None,
    "reopen_reason": None,
    "reopened_by": None,
    "reopened_at": None,
}


class NewClosing(StrictSchema):
    """The closing of a month."""

    example: ClassVar = {
        "reference": "close-2026-10",
        "explanations": {"stl_01KB2V6Q0R8Y4W5Z7X9A1C3E5G": "The payer answers next week."},
    }

    reference = reference_field()
    explanations = fields.Dict(
        keys=TextField(longest=300),
        values=TextField(longest=LONGEST_EXPLANATION),
        load_default=dict,
        validate=validate.Length(0, MOST_EXPLANATIONS),
        metadata={
            "description": "Why an item that the checklist names may stay open, by its id; kept"
            " with the closing."
        },
    )


class NewReopening(StrictSchema):
    """A month to reopen, and why; it takes two people."""

    example: ClassVar = {"reference": "reopen-2026-10", "reason": "An invoice was found."}

    reference = reference_field()
    reason = TextField(required=True, longest=LONGEST_REASON)


class ReportQuery(StrictSchema):
    """Which closing's report is wanted."""

    revision = fields.Integer(
        validate=validate.Range(1, 1_000_000),
        metadata={"description": "Of the month's closings; the newest one if left out."},
    )


class Closing(StrictSchema):
    """A closing of a month. Its reports show what was recorded by `as_of`."""

    example: ClassVar = _CLOSING

    id = fields.String()
    month = fields.String()
    revision = fields.Integer(metadata={"description": "Counts the closings of one month."})
    state = fields.String(validate=validate.OneOf(["closed", "reopening", "reopened"]))
    as_of = fields.String(metadata=_MOMENT)
    ledger_sequence = fields.Integer(metadata={"description": "The newest entry at that moment."})
    explanations = fields.Dict(keys=fields.String(), values=fields.String())
    closed_by = fields.String()
    closed_at = fields.String(metadata=_MOMENT)
    reopen_requested_by = fields.String(allow_none=True)
    reopen_requested_at = fields.String(allow_none=True, metadata=_MOMENT)
    reopen_reason = fields.String(allow_none=True)
    reopened_by = fields.String(allow_none=True)
    reopened_at = fields.String(allow_none=True, metadata=_MOMENT)


class ChecklistItem(StrictSchema):
    """Something that must be true before a month is closed."""

    name = fields.String()
    ok = fields.Boolean()
    detail = fields.String()


class PeriodReport(StrictSchema):
    """A report as it was when the month was closed."""

    revision = fields.Integer()
    name = fields.String()
    format = fields.String()
    sha256 = fields.String(metadata={"pattern": "^[0-9a-f]{64}$"})
    size = fields.Integer(metadata={"description": "In bytes."})
    url = fields.String()


class PeriodSummary(StrictSchema):
    """A month; `closing` is the one in force, null where the ledger was closed without one."""

    month = fields.String()
    state = fields.String(
        validate=validate.OneOf(["open", "closed", "reopening"]),
        metadata={"description": "`reopening`: asked for by one, and closed until another agrees."},
    )
    closing = fields.Nested(Closing, allow_none=True)


class PeriodList(StrictSchema):
    """Every month from that of the first entry to this one, newest first."""

    data = fields.List(fields.Nested(PeriodSummary))
    next = fields.String(allow_none=True)


class Period(PeriodSummary):
    """A month with its checklist, as it was at its closing or, while it is open, as it is now."""

    example: ClassVar = {
        "month": "2026-10",
        "state": "closed",
        "closing": _CLOSING,
        "checklist": [{"name": "month_over", "ok": True, "detail": "It is over."}],
        "history": [_CLOSING],
        "reports": [],
    }

    checklist = fields.List(fields.Nested(ChecklistItem), allow_none=True)
    history = fields.List(fields.Nested(Closing), metadata={"description": "Oldest first."})
    reports = fields.List(fields.Nested(PeriodReport))
