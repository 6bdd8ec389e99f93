"""What waits longer than usual, and what providers were asked about it, in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.pending.usual import KINDS, MOVES
from web.schemas.fields import (
    MAX_LIST,
    IdField,
    MomentField,
    ShownAmountField,
    StrictSchema,
    TextField,
    reference_field,
)

_PAYMENT_ID = "pay_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"


class PendingQuery(StrictSchema):
    """Of what is wanted: of a kind, or of a payment."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    payment_id = IdField()
    limit = fields.Integer(load_default=50, validate=validate.Range(1, MAX_LIST))


class PendingThing(StrictSchema):
    """Something that waits longer than usual; `reason` is why, `moves` what would move it."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    id = fields.String(metadata={"description": "Of an event: the provider's."})
    payment_id = fields.String(allow_none=True)
    order_id = fields.String(allow_none=True)
    provider = fields.String(allow_none=True)
    state = fields.String(metadata={"description": "Of an event its type, of a job its name."})
    amount = ShownAmountField(allow_none=True)
    currency = fields.String(allow_none=True)
    reason = fields.String(validate=validate.OneOf([*MOVES]))
    moves = fields.String(metadata={"description": "What would move it, in words."})
    error = fields.String(allow_none=True)
    since = MomentField()
    age_s = fields.Integer()
    due_at = MomentField(
        allow_none=True, metadata={"description": "When it is next tried or asked about by itself."}
    )


class PendingCounts(StrictSchema):
    """How many things of each kind wait longer than usual."""

    payment = fields.Integer()
    refund = fields.Integer()
    payout = fields.Integer()
    release = fields.Integer()
    escrow = fields.Integer()
    transaction = fields.Integer()
    call = fields.Integer()
    event = fields.Integer()
    job = fields.Integer()


class PendingList(StrictSchema):
    """What waits, the oldest first; the counts are of all there is."""

    example: ClassVar = {
        "data": [
            {
                "kind": "payment",
                "id": _PAYMENT_ID,
                "payment_id": _PAYMENT_ID,
                "order_id": "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
                "provider": "stripe",
                "state": "processing",
                "amount": "13500",
                "currency": "USD",
                "reason": "provider_silent",
                "moves": MOVES["provider_silent"],
                "error": None,
                "since": "2026-11-22T12:00:00Z",
                "age_s": 3600,
                "due_at": "2026-11-22T13:30:00Z",
            }
        ],
        "counts": dict.fromkeys(KINDS, 0) | {"payment": 1},
    }

    data = fields.List(fields.Nested(PendingThing))
    counts = fields.Nested(PendingCounts)


class NewAsk(StrictSchema):
    """That the provider is to be asked now."""

    example: ClassVar = {"reference": "ticket-4711"}

    reference = reference_field()


class NewAskOfAll(StrictSchema):
    """That a provider is to be asked about every payment that waits there."""

    example: ClassVar = {"reference": "incident-4711", "provider": "truelayer"}

    reference = reference_field()
    provider = TextField(required=True, longest=50)


class Ask(StrictSchema):
    """How far a provider was asked: of `accepted` payments, `asked`; `changed` have moved since."""

    example: ClassVar = {
        "id": "ask_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "provider": "stripe",
        "payment_id": None,
        "status": "done",
        "accepted": 12,
        "asked": 12,
        "changed": 3,
        "error": None,
        "requested_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "created_at": "2026-11-22T12:00:00Z",
        "finished_at": "2026-11-22T12:00:04Z",
    }

    id = fields.String()
    provider = fields.String()
    payment_id = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf(["running", "done", "failed"]))
    accepted = fields.Integer()
    asked = fields.Integer()
    changed = fields.Integer()
    error = fields.String(
        allow_none=True, metadata={"description": "What keeps it from going on, such as silence."}
    )
    requested_by = fields.String()
    created_at = MomentField()
    finished_at = MomentField(allow_none=True)


class AskList(StrictSchema):
    """Asks, newest first."""

    data = fields.List(fields.Nested(Ask))
    next = fields.String(allow_none=True)
