"""Findings of reconciliation in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.reconciliation.settle_finding import KINDS, STATES
from web.schemas.fields import MomentField, PageQuery, ShownAmountField, StrictSchema, TextField


class FindingQuery(PageQuery):
    """Which findings are wanted."""

    state = fields.String(validate=validate.OneOf(STATES))
    kind = fields.String(validate=validate.OneOf(KINDS))


class Finding(StrictSchema):
    """Something that does not agree."""

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    subject_id = fields.String()
    amount = ShownAmountField(allow_none=True, metadata={"description": "What is found."})
    expected = ShownAmountField(allow_none=True, metadata={"description": "What should be."})
    currency = fields.String(allow_none=True)
    detail = fields.String()
    state = fields.String(validate=validate.OneOf(STATES))
    owner = fields.String(allow_none=True)
    resolution = fields.String(allow_none=True)
    resolved_by = fields.String(allow_none=True)
    first_seen_at = MomentField()
    last_seen_at = MomentField()
    resolved_at = MomentField(allow_none=True)


class FindingPage(StrictSchema):
    """Findings, newest first."""

    data = fields.List(fields.Nested(Finding))
    next = fields.String(allow_none=True)


class FindingChange(StrictSchema):
    """Who looks after a finding, or what was done about it."""

    example: ClassVar = {"owner": "Ada", "resolution": "The bank booked it a day late."}

    owner = TextField(longest=100)
    resolution = TextField(longest=500)
