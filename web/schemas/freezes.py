"""Freezes in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from web.schemas.fields import IdField, MomentField, StrictSchema, TextField, reference_field

_FREEZE_ID = "frz_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"


class NewFreeze(StrictSchema):
    """Why releases stop: all of them, or those of one order."""

    example: ClassVar = {"reference": "incident-4711", "reason": "A key may have leaked."}

    reference = reference_field()
    reason = TextField(required=True, longest=500)
    order_id = IdField(
        load_default=None, metadata={"description": "Leave it out to freeze all releases."}
    )


class NewLift(StrictSchema):
    """Why a freeze may be lifted; asked for by one person, done by another."""

    example: ClassVar = {
        "reference": "incident-4711-over",
        "freeze_id": _FREEZE_ID,
        "reason": "The key was rotated.",
    }

    reference = reference_field()
    reason = TextField(required=True, longest=500)
    freeze_id = IdField(
        load_default=None,
        metadata={"description": "May be left out while only one freeze is in force."},
    )


class FreezesQuery(StrictSchema):
    """Which freezes are wanted."""

    lifted = fields.Boolean(
        load_default=False, metadata={"description": "Whether to list those lifted, too."}
    )


class Freeze(StrictSchema):
    """A freeze; in force until a second person has lifted it."""

    example: ClassVar = {
        "id": _FREEZE_ID,
        "scope": "all",
        "order_id": None,
        "reason": "A key may have leaked.",
        "status": "lift_requested",
        "created_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "created_at": "2026-11-22T12:00:00Z",
        "lift_reason": "The key was rotated.",
        "lift_requested_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "lift_requested_at": "2026-11-22T13:00:00Z",
        "lifted_by": None,
        "lifted_at": None,
    }

    id = fields.String()
    scope = fields.String(validate=validate.OneOf(["all", "order"]))
    order_id = fields.String(allow_none=True)
    reason = fields.String()
    status = fields.String(validate=validate.OneOf(["in_force", "lift_requested", "lifted"]))
    created_by = fields.String()
    created_at = MomentField()
    lift_reason = fields.String(allow_none=True)
    lift_requested_by = fields.String(allow_none=True)
    lift_requested_at = MomentField(allow_none=True)
    lifted_by = fields.String(allow_none=True)
    lifted_at = MomentField(allow_none=True)


class FreezeList(StrictSchema):
    """Freezes, newest first, at most 100."""

    data = fields.List(fields.Nested(Freeze))
    next = fields.String(allow_none=True)
