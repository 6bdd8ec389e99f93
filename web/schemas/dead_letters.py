"""Dead letters in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.dead_letters.letters import KINDS
from payments.dead_letters.replay_dead import MAX_IDS
from web.schemas.fields import (
    HeaderTextField,
    IdField,
    MomentField,
    PageQuery,
    StrictSchema,
    TextField,
    reference_field,
)

_LETTER = {
    "id": "inb_4711",
    "kind": "event",
    "what": "charge.refunded",
    "source": "stripe",
    "about": "evt_1PZfYz2eZvKYlo2C8wXQ",
    "error": "unknown_payment: no payment has pi_3PZfYz2eZvKYlo2C",
    "attempts": 79,
    "created_at": "2026-11-19T12:00:00Z",
    "died_at": "2026-11-22T12:00:00Z",
    "request_id": "01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    "can_replay": True,
    "hint": "No payment of ours has this reference.",
    "discarded": None,
}


class DeadLettersQuery(PageQuery):
    """Which dead letters are wanted."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    discarded = fields.Boolean(
        load_default=False,
        metadata={"description": "Those that were discarded, in place of all others."},
    )


class Discarded(StrictSchema):
    """By whom and why a dead letter was given up for good."""

    id = fields.String()
    by = fields.String()
    at = MomentField()
    reason = fields.String()


class DeadLetter(StrictSchema):
    """Something that is not tried any more, and what went wrong with it."""

    example: ClassVar = _LETTER

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    what = fields.String(
        metadata={"description": "The type of the event or notice, the name of the job."}
    )
    source = fields.String(
        allow_none=True, metadata={"description": "The event's provider, the notice's endpoint."}
    )
    about = fields.String(
        allow_none=True, metadata={"description": "The provider's id of the event, the notice's."}
    )
    error = fields.String(allow_none=True)
    attempts = fields.Integer()
    created_at = MomentField()
    died_at = MomentField(allow_none=True)
    request_id = fields.String(allow_none=True)
    can_replay = fields.Boolean()
    hint = fields.String(
        allow_none=True, metadata={"description": "What the error means, or why no replay helps."}
    )
    discarded = fields.Nested(
        Discarded,
        allow_none=True,
        metadata={"description": "That somebody gave it up for good; a replay takes that back."},
    )


class DeadLetterCounts(StrictSchema):
    """How many of each kind there are: of what is listed, on all pages."""

    event = fields.Integer()
    job = fields.Integer()
    notice = fields.Integer()


class DeadLetters(StrictSchema):
    """Events first, then jobs, then notices; each newest first."""

    example: ClassVar = {
        "data": [_LETTER],
        "counts": {"event": 1, "job": 0, "notice": 0},
        "next": None,
    }

    data = fields.List(fields.Nested(DeadLetter))
    counts = fields.Nested(DeadLetterCounts)
    next = fields.String(allow_none=True)


class InspectedLetter(StrictSchema):
    """A dead letter and what is inside of it, with all masked that may be about somebody."""

    example: ClassVar = {
        "letter": _LETTER,
        "content": {"id": "evt_1PZfYz2eZvKYlo2C8wXQ", "data": {"name": "•••"}},
    }

    letter = fields.Nested(DeadLetter)
    content = fields.Raw(
        allow_none=True,
        metadata={"description": "Masked; null when it is gone or cannot be read."},
    )


class InspectionHeaders(StrictSchema):
    """Why it is looked into."""

    reason = HeaderTextField(
        data_key="X-Access-Reason",
        validate=validate.Length(max=500),
        metadata={"description": "Why it is looked into; it is kept."},
    )


class NewLetterReplay(StrictSchema):
    """Which dead letters of a kind are tried again: those of `ids`, or with `all` all of them."""

    example: ClassVar = {
        "reference": "incident-4711",
        "kind": "event",
        "ids": ["inb_4711"],
        "reason": "The order was there later than its payment.",
    }

    reference = reference_field()
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    ids = fields.List(IdField(), validate=validate.Length(1, MAX_IDS))
    all = fields.Boolean(load_default=False)
    reason = TextField(required=True, longest=500)


class LetterReplay(StrictSchema):
    """How many are tried again; `skipped` are those that cannot be, or live already."""

    example: ClassVar = {
        "id": "dlr_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "kind": "event",
        "accepted": 1,
        "skipped": 0,
        "reason": "The order was there later than its payment.",
        "requested_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "created_at": "2026-11-22T12:00:00Z",
    }

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    accepted = fields.Integer()
    skipped = fields.Integer()
    reason = fields.String()
    requested_by = fields.String()
    created_at = MomentField()


class NewLetterDiscard(StrictSchema):
    """Which dead letters of a kind are given up for good, and why none of them is ever done."""

    example: ClassVar = {
        "reference": "incident-4711-foreign",
        "kind": "event",
        "ids": ["inb_4711"],
        "reason": "A payment of the old shop, on the same account.",
    }

    reference = reference_field()
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    ids = fields.List(IdField(), required=True, validate=validate.Length(1, MAX_IDS))
    reason = TextField(required=True, longest=500)


class LetterDiscard(StrictSchema):
    """How many were given up; `skipped` are those that live again, or were given up before."""

    example: ClassVar = {
        "id": "dld_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "kind": "event",
        "accepted": 1,
        "skipped": 0,
        "reason": "A payment of the old shop, on the same account.",
        "requested_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "created_at": "2026-11-22T12:00:00Z",
    }

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    accepted = fields.Integer()
    skipped = fields.Integer()
    reason = fields.String()
    requested_by = fields.String()
    created_at = MomentField()
