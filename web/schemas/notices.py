"""Endpoints for notices, deliveries and replays in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.notices.deliveries import STATES
from payments.notices.request_replay import MAX_IDS
from payments.notices.rotate_secret import LONGEST_OVERLAP
from payments.notices.topics import TOPICS
from payments.outgoing.targets import LONGEST_URL
from web.schemas.fields import (
    CountField,
    IdField,
    MomentField,
    PageQuery,
    StrictSchema,
    TextField,
    reference_field,
)
from web.schemas.ops import MomentInput

_DAY_S = 86_400
_URL = "https://hooks.shop.example/strongroom"


def _topics(**kwargs: Any) -> fields.List[str]:
    return fields.List(
        fields.String(validate=validate.OneOf(sorted(TOPICS))),
        validate=validate.Length(max=len(TOPICS)),
        metadata={"description": "What it hears of; none means all."},
        **kwargs,
    )


class NewEndpoint(StrictSchema):
    """A URL of the platform's backend that is to hear of changes."""

    example: ClassVar = {"reference": "endpoint-1", "url": _URL, "topics": ["payment.updated"]}

    reference = reference_field()
    url = TextField(required=True, longest=LONGEST_URL)
    topics = _topics(load_default=list)
    description = TextField(load_default="", longest=200)


class EndpointChange(StrictSchema):
    """What to change; what is left out stays."""

    example: ClassVar = {"enabled": True}

    url = TextField(longest=LONGEST_URL)
    topics = _topics()
    description = TextField(longest=200)
    enabled = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Enabling sends what waits, and forgets the failures."},
    )


class Endpoint(StrictSchema):
    """An endpoint and how it fares."""

    id = fields.String()
    url = fields.String()
    topics = fields.List(fields.String())
    description = fields.String()
    status = fields.String(validate=validate.OneOf(["enabled", "disabled", "deleted"]))
    disabled_reason = fields.String(
        allow_none=True, validate=validate.OneOf(["by_hand", "failing", "gone"])
    )
    disabled_at = MomentField(allow_none=True)
    failing_since = MomentField(
        allow_none=True, metadata={"description": "The first of its failures in a row."}
    )
    paused_until = MomentField(
        allow_none=True, metadata={"description": "As it asked for, by 429 or 503."}
    )
    created_at = MomentField()
    updated_at = MomentField()


class EndpointWithSecret(StrictSchema):
    """An endpoint with its new secret: shown in the first answer only and null in a replay."""

    id = fields.String(attribute="row.id")
    url = fields.String(attribute="row.url")
    topics = fields.List(fields.String(), attribute="row.topics")
    description = fields.String(attribute="row.description")
    status = fields.String(attribute="row.status")
    created_at = MomentField(attribute="row.created_at")
    updated_at = MomentField(attribute="row.updated_at")
    secret = fields.String(
        allow_none=True, metadata={"description": "whsec_…, as Standard Webhooks libraries take it"}
    )


class EndpointList(StrictSchema):
    """All endpoints, in the order they were registered."""

    data = fields.List(fields.Nested(Endpoint))


class SecretRotation(StrictSchema):
    """How long the old secret signs beside the new one."""

    example: ClassVar = {"reference": "rotation-2026-11", "overlap_s": _DAY_S}

    reference = reference_field()
    overlap_s = CountField(
        load_default=_DAY_S, validate=validate.Range(0, int(LONGEST_OVERLAP.total_seconds()))
    )


class DeliveryQuery(PageQuery):
    """Which deliveries are wanted."""

    endpoint_id = IdField()
    state = fields.String(validate=validate.OneOf(STATES))


class Delivery(StrictSchema):
    """A notice to an endpoint, and how its last attempt went."""

    id = fields.String()
    notice_id = fields.String(
        attribute="delivery.notice_id", metadata={"description": "Its `webhook-id`."}
    )
    endpoint_id = fields.String(attribute="delivery.endpoint_id")
    type = fields.String()
    state = fields.String(attribute="delivery.state", validate=validate.OneOf(STATES))
    attempts = fields.Integer(attribute="delivery.attempts")
    last_status = fields.Integer(
        attribute="delivery.last_status",
        allow_none=True,
        metadata={"description": "The HTTP status that was answered."},
    )
    last_error = fields.String(
        attribute="delivery.last_error",
        allow_none=True,
        metadata={"description": "Why there was no answer, such as time_out."},
    )
    last_attempt_at = MomentField(attribute="delivery.last_attempt_at", allow_none=True)
    next_attempt_at = MomentField(allow_none=True)
    delivered_at = MomentField(attribute="delivery.delivered_at", allow_none=True)
    created_at = MomentField(attribute="delivery.created_at")


class DeliveryPage(StrictSchema):
    """Deliveries, newest first."""

    data = fields.List(fields.Nested(Delivery))
    next = fields.String(allow_none=True)


class NewNoticeReplay(StrictSchema):
    """Which notices to send again: `notice_ids`, or all made `since` a moment."""

    example: ClassVar = {
        "reference": "after-the-outage",
        "endpoint_id": "nep_01K9Z3NDEKTSV4RRFFQ69G5FAV",
        "since": "2026-11-22T08:00:00Z",
    }

    reference = reference_field()
    endpoint_id = IdField(required=True)
    notice_ids = fields.List(IdField(), validate=validate.Length(1, MAX_IDS))
    since = MomentInput(metadata={"description": "Within the last 30 days."})


class NoticeReplay(StrictSchema):
    """How many notices are sent again; `next_since` says where to go on, when it was not all."""

    id = fields.String()
    endpoint_id = fields.String()
    accepted = fields.Integer()
    next_since = MomentField(allow_none=True)
    created_at = MomentField()
