"""Runs, matches and the queue of the unmatched, in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.reconciliation.judge_line import MOST_PARTS
from payments.reconciliation.request_run import DATE_WINDOW_DAYS, WIDEST_WINDOW_DAYS
from payments.reconciliation.unmatched import KINDS
from web.schemas.fields import (
    CountField,
    IdField,
    MomentField,
    PageQuery,
    ShownAmountField,
    SignedAmountField,
    StrictSchema,
    TextField,
    reference_field,
)
from web.schemas.payments import Payment

_SIGNED = "Minor units; money that went out is below zero."


class NewRun(StrictSchema):
    """A reconciliation run."""

    example: ClassVar = {"reference": "november-22", "date_window_days": 14}

    reference = reference_field()
    date_window_days = CountField(
        load_default=DATE_WINDOW_DAYS,
        validate=validate.Range(0, WIDEST_WINDOW_DAYS),
        metadata={
            "description": "How far apart the dates of a line and of what it is may be where no"
            " reference ties the two; by reference it is 90 days at least."
        },
    )


class Run(StrictSchema):
    """A run as far as it has come."""

    example: ClassVar = {
        "id": "run_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "status": "done",
        "phase": None,
        "steps_done": 0,
        "steps_total": 0,
        "date_window_days": 7,
        "figures": {"lines_matched": 41, "lines_suspended": 1, "findings_open": 0},
        "error": None,
        "requested_by": "key:finance",
        "created_at": "2026-11-22T12:00:00Z",
        "started_at": "2026-11-22T12:00:01Z",
        "finished_at": "2026-11-22T12:00:02Z",
    }

    id = fields.String()
    status = fields.String(validate=validate.OneOf(["waiting", "running", "done", "failed"]))
    phase = fields.String(
        allow_none=True,
        metadata={"description": "reading, matching, booking or checking; null before and after."},
    )
    steps_done = fields.Integer(metadata={"description": "Of the phase."})
    steps_total = fields.Integer()
    date_window_days = fields.Integer()
    figures = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "What came of it so far; see docs/reconciliation.md."},
    )
    error = fields.String(allow_none=True)
    requested_by = fields.String()
    created_at = MomentField()
    started_at = MomentField(allow_none=True)
    finished_at = MomentField(allow_none=True)


class RunPage(StrictSchema):
    """Runs, newest first."""

    data = fields.List(fields.Nested(Run))
    next = fields.String(allow_none=True)


class UnmatchedQuery(PageQuery):
    """What of the queue is wanted."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    reference = TextField(
        longest=100,
        metadata={"description": "Of a transfer, however it is written; or an id of something."},
    )
    amount = SignedAmountField(metadata={"description": "Minor units, whatever the sign."})
    name = TextField(
        longest=100,
        metadata={"description": "Part of a line's name, account or text; lines alone have these."},
    )
    booked_from = fields.Date()
    booked_to = fields.Date(metadata={"description": "This day included."})


class Details(StrictSchema):
    """What the bank wrote; only for finance and admins."""

    name = fields.String(allow_none=True)
    account = fields.String(allow_none=True)
    text = fields.String()


class SuggestedMatch(StrictSchema):
    """What a person might match it with."""

    expectation_ids = fields.List(fields.String())
    certainty = fields.Integer(metadata={"description": "0 to 60: never sure enough by itself."})
    reason = fields.String()


class Unmatched(StrictSchema):
    """A line, a suspended receipt, or something expected that the bank did not bring."""

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    amount = ShownAmountField(metadata={"description": f"What is open of it. {_SIGNED}"})
    currency = fields.String()
    booked_on = fields.Date()
    age_days = fields.Integer()
    reason = fields.String(metadata={"description": "Why; see docs/reconciliation.md."})
    account = fields.String(allow_none=True)
    payment_id = fields.String(allow_none=True)
    provider_ref = fields.String(allow_none=True)
    details = fields.Nested(Details, allow_none=True)
    suggestion = fields.Nested(SuggestedMatch, allow_none=True)


class UnmatchedPage(StrictSchema):
    """The queue, oldest first within each kind."""

    data = fields.List(fields.Nested(Unmatched))
    next = fields.String(allow_none=True)


class NewPart(StrictSchema):
    """What a part of a line is: exactly one of the four."""

    expectation_id = IdField(allow_none=True, load_default=None)
    payment_id = IdField(
        allow_none=True,
        load_default=None,
        metadata={"description": "A payment by bank: the line is money received for it."},
    )
    receipt_id = IdField(
        allow_none=True,
        load_default=None,
        metadata={"description": "Suspended money that went back to its payer with this line."},
    )
    account = fields.String(
        allow_none=True,
        load_default=None,
        validate=validate.Length(1, 100),
        metadata={"description": "Such as expenses:bank:fees; see docs/reconciliation.md."},
    )
    amount = SignedAmountField(
        allow_none=True,
        load_default=None,
        metadata={
            "description": f"{_SIGNED} Left out: all that is open of the expectation, or what is"
            " left of the line."
        },
    )


class NewMatch(StrictSchema):
    """What a line is; of a receipt nothing is to be said, it is taken into its payment."""

    example: ClassVar = {
        "reference": "desk-4711",
        "parts": [{"account": "expenses:bank:fees"}],
        "reason": "A fee that the bank has not called one.",
    }

    reference = reference_field()
    parts = fields.List(
        fields.Nested(NewPart), load_default=list, validate=validate.Length(0, MOST_PARTS)
    )
    reason = TextField(longest=500, load_default=None, allow_none=True)


class NewReason(StrictSchema):
    """Why a line is discarded, or a match undone."""

    example: ClassVar = {"reference": "desk-4712", "reason": "Rent, from other books."}

    reference = reference_field()
    reason = TextField(required=True, longest=500)


class NewGiveback(StrictSchema):
    """That suspended money goes back to its payer."""

    reference = reference_field()


class MatchPart(StrictSchema):
    """A part of a line."""

    amount = ShownAmountField(metadata={"description": _SIGNED})
    expectation_id = fields.String(allow_none=True)
    account = fields.String(allow_none=True)


class Match(StrictSchema):
    """How a line was explained, and how sure that is."""

    id = fields.String()
    line_id = fields.String()
    state = fields.String(validate=validate.OneOf(["active", "undone"]))
    rule = fields.String()
    certainty = fields.Integer(metadata={"description": "0 to 100."})
    reason = fields.String()
    run_id = fields.String(allow_none=True)
    parts = fields.List(fields.Nested(MatchPart))
    made_by = fields.String()
    made_at = MomentField()
    undone_by = fields.String(allow_none=True)
    undone_at = MomentField(allow_none=True)
    undo_reason = fields.String(allow_none=True)


class MatchQuery(StrictSchema):
    """Of which line, or of which payment: one of them."""

    line_id = IdField()
    payment_id = IdField(
        metadata={"description": "All lines that brought its money, or took some away."}
    )


class MatchList(StrictSchema):
    """All matches of a line or a payment, oldest first."""

    data = fields.List(fields.Nested(Match))
    next = fields.String(allow_none=True)


class Judged(StrictSchema):
    """What came of a person's word: a line's match, or the payment a receipt was taken into."""

    match = fields.Nested(Match, allow_none=True)
    payment = fields.Nested(Payment, allow_none=True)
