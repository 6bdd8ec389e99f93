"""What operators ask for and are shown: the webhook inbox, replays, retry windows, deadlines."""

import datetime as dt
from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.intake.extend_deadlines import MAX_IDS as MAX_PAYMENTS
from payments.settings import LONGEST_RETRY_WINDOW_H
from payments.webhooks.read_inbox import STATES
from payments.webhooks.request_replay import MAX_IDS, SOURCES
from web.schemas.fields import (
    CountField,
    IdField,
    MomentField,
    PageQuery,
    StrictSchema,
    TextField,
    reference_field,
)


class InboxQuery(PageQuery):
    """Which events of the inbox are wanted."""

    state = fields.String(validate=validate.OneOf(STATES))
    type = TextField(
        longest=100, metadata={"description": "The provider's, such as charge.refunded."}
    )


class InboxEvent(StrictSchema):
    """An event of a provider and what became of it; its payload is never shown."""

    id = fields.String()
    provider = fields.String()
    event_id = fields.String()
    type = fields.String()
    state = fields.String(validate=validate.OneOf(STATES))
    attempts = fields.Integer()
    error = fields.String(allow_none=True)
    occurred_at = MomentField()
    received_at = MomentField()
    replayed_at = MomentField(allow_none=True)
    due_at = MomentField(allow_none=True, metadata={"description": "When it is tried next."})
    finished_at = MomentField(allow_none=True)
    request_id = fields.String(
        allow_none=True, metadata={"description": "Of the request that brought it, for the logs."}
    )


class InboxPage(StrictSchema):
    """Events, newest first."""

    data = fields.List(fields.Nested(InboxEvent))
    next = fields.String(allow_none=True)


class MomentInput(fields.AwareDateTime):
    """A moment with its offset, as `2026-11-22T12:00:00Z` (RFC 3339)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dt.datetime:
        moment = super()._deserialize(value, *args, **kwargs)
        try:
            return moment.astimezone(dt.UTC)
        except OverflowError as error:
            raise self.make_error("invalid", input=value, obj_type="moment") from error


class NewReplay(StrictSchema):
    """Which events to apply again: by `ids`, or `from` (of the range) `to` (not of it any more).

    From the `inbox`, by when they were received; from `stripe`'s own list, by when they happened.
    """

    reference = reference_field()
    source = fields.String(load_default="inbox", validate=validate.OneOf(SOURCES))
    ids = fields.List(
        TextField(longest=255),
        validate=validate.Length(1, MAX_IDS),
        metadata={"description": "As the provider names events, such as evt_…"},
    )
    # Python keeps the word `from` to itself.
    from_at = MomentInput(data_key="from")
    to_at = MomentInput(data_key="to", metadata={"description": "Now, when it is left out."})


class Replay(StrictSchema):
    """A replay as far as it has come."""

    id = fields.String()
    source = fields.String(validate=validate.OneOf(SOURCES))
    status = fields.String(validate=validate.OneOf(["running", "done", "failed"]))
    accepted = fields.Integer(
        allow_none=True,
        metadata={"description": "How many events it is about; null when only Stripe knows."},
    )
    replayed = fields.Integer(metadata={"description": "Events given to the drain so far."})
    duplicates = fields.Integer(
        metadata={"description": "Of Stripe's events: those the inbox had already."}
    )
    missing = fields.Integer(metadata={"description": "Of the ids: those Stripe does not know."})
    error = fields.String(allow_none=True)
    created_at = MomentField()
    finished_at = MomentField(allow_none=True)


class NewRetryWindow(StrictSchema):
    """How long a provider's events are tried before they are dead."""

    provider = TextField(required=True, longest=50)
    hours = CountField(required=True, validate=validate.Range(1, LONGEST_RETRY_WINDOW_H))


class RetryWindow(StrictSchema):
    """A provider's retry window, and how many dead events fit into it again."""

    provider = fields.String()
    hours = fields.Integer()
    revived = fields.Integer()


class NewExtension(StrictSchema):
    """Whose deadlines to put off: one of `payment_ids`, `order_id` and `provider`; until when.

    Of a provider: those made before `created_before`, or else all, also those made later.
    """

    example: ClassVar = {
        "reference": "outage-4711",
        "provider": "truelayer",
        "extend_until": "2026-11-26T12:00:00Z",
        "reason": "The provider is down since 11:40.",
    }

    reference = reference_field()
    payment_ids = fields.List(IdField(), validate=validate.Length(1, MAX_PAYMENTS))
    order_id = IdField()
    provider = TextField(longest=50)
    created_before = MomentInput()
    extend_until = MomentInput(required=True, metadata={"description": "Within the next 90 days."})
    reason = TextField(required=True, longest=500)


class Extension(StrictSchema):
    """How many payments may be paid until `extended_until` now, if not longer."""

    example: ClassVar = {"extended": 12, "extended_until": "2026-11-26T12:00:00Z"}

    extended = fields.Integer()
    extended_until = MomentField()
