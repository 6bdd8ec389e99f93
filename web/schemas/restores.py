"""Restores and what was found in them, in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from web.schemas.fields import (
    MomentField,
    ShownAmountField,
    StrictSchema,
    TextField,
    reference_field,
)
from web.schemas.ops import MomentInput

_RESTORE_ID = "rst_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"
_STATUSES = ["begun", "finish_requested", "finished"]
_KINDS = ["payment", "refund", "payout", "release", "dispute", "chain", "event", "to_check"]
_STANDINGS = ["open", "adopted", "awaiting", "settled"]
_LOOKS = ["waiting", "running", "failed", "done"]


class FindingsQuery(StrictSchema):
    """Which findings of a restore are wanted."""

    status = fields.String(validate=validate.OneOf(_STANDINGS))


class NewRestore(StrictSchema):
    """That this database was brought back to a moment, and why."""

    example: ClassVar = {
        "reference": "restore-4711",
        "reason": "The machine is gone.",
        "restored_to": "2026-11-22T12:00:00Z",
    }

    reference = reference_field()
    reason = TextField(required=True, longest=500)
    restored_to = MomentInput(
        required=True,
        metadata={"description": "The moment, or an earlier one; never a later one."},
    )


class NewLook(StrictSchema):
    """That all providers be asked."""

    example: ClassVar = {"reference": "restore-4711-look"}

    reference = reference_field()


class NewNote(StrictSchema):
    """What came of a finding."""

    example: ClassVar = {"reference": "rsf-1-seen", "note": "Given back at Stripe by hand."}

    reference = reference_field()
    note = TextField(required=True, longest=500)


class NewFinish(StrictSchema):
    """That money may move again; asked for by one person, done by another."""

    example: ClassVar = {"reference": "restore-over"}

    reference = reference_field()


class Look(StrictSchema):
    """How far the newest look at the providers is."""

    example: ClassVar = {
        "status": "running",
        "step": "banks",
        "error": None,
        "at": "2026-11-22T12:50:00Z",
    }

    status = fields.String(validate=validate.OneOf(_LOOKS))
    step = fields.String(
        allow_none=True,
        metadata={"description": "Who is being asked, or was when it failed."},
    )
    error = fields.String(
        allow_none=True, metadata={"description": "Why it failed; asking again begins anew."}
    )
    at = MomentField(metadata={"description": "Since when it stands so."})


class Restore(StrictSchema):
    """One time the database was brought back to a moment."""

    example: ClassVar[dict[str, Any]] = {
        "id": _RESTORE_ID,
        "status": "finish_requested",
        "reason": "The machine is gone.",
        "restored_to": "2026-11-22T12:00:00Z",
        "begun_by": "command:ada",
        "begun_at": "2026-11-22T12:30:00Z",
        "reconciled_at": "2026-11-22T12:40:00Z",
        "look": Look.example | {"status": "done", "step": None, "at": "2026-11-22T12:40:00Z"},
        "finish_requested_by": "party:pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "finish_requested_at": "2026-11-22T13:00:00Z",
        "finished_by": None,
        "finished_at": None,
    }

    id = fields.String()
    status = fields.String(validate=validate.OneOf(_STATUSES))
    reason = fields.String()
    restored_to = MomentField()
    begun_by = fields.String()
    begun_at = MomentField()
    reconciled_at = MomentField(
        allow_none=True,
        metadata={"description": "The end of the last look that saw all providers."},
    )
    look = fields.Nested(Look, allow_none=True)
    finish_requested_by = fields.String(allow_none=True)
    finish_requested_at = MomentField(allow_none=True)
    finished_by = fields.String(allow_none=True)
    finished_at = MomentField(allow_none=True)


class RestoreFinding(StrictSchema):
    """What a provider has that the books had forgotten, or what a person has to look at."""

    example: ClassVar[dict[str, Any]] = {
        "id": "rsf_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "kind": "refund",
        "provider": "stripe",
        "provider_ref": "re_1",
        "status": "adopted",
        "order_id": "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "payment_id": "pay_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "amount": "1000",
        "currency": "EUR",
        "detail": "we had asked for it, and it is booked now",
        "claimed_by": None,
        "note": None,
        "settled_by": None,
        "settled_at": None,
        "found_at": "2026-11-22T12:40:00Z",
    }

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(_KINDS))
    provider = fields.String()
    provider_ref = fields.String()
    status = fields.String(validate=validate.OneOf(_STANDINGS))
    order_id = fields.String(allow_none=True)
    payment_id = fields.String(allow_none=True)
    amount = ShownAmountField(allow_none=True)
    currency = fields.String(allow_none=True)
    detail = fields.String()
    claimed_by = fields.String(
        allow_none=True, metadata={"description": "What took the forgotten one's place."}
    )
    note = fields.String(allow_none=True)
    settled_by = fields.String(allow_none=True)
    settled_at = MomentField(allow_none=True)
    found_at = MomentField()


class RestoreList(StrictSchema):
    """Whether the database stands still, and why; and the restores, newest first."""

    standing_still = fields.String(
        allow_none=True, metadata={"description": "Why nothing is sent; null: nothing speaks so."}
    )
    data = fields.List(fields.Nested(Restore))
    next = fields.String(allow_none=True)


class RestoreWithFindings(Restore):
    """A restore, with up to 1000 findings, in the order they were found."""

    example: ClassVar[dict[str, Any]] = Restore.example | {"findings": [RestoreFinding.example]}

    findings = fields.List(fields.Nested(RestoreFinding))
