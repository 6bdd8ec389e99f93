"""Duplicates, and what an order's money is by everybody who counts it."""

from marshmallow import fields

from web.schemas.fields import IdField, MomentField, ShownAmountField, StrictSchema


class DuplicatesQuery(StrictSchema):
    """Since when, and of which order."""

    since = fields.AwareDateTime(
        metadata={"description": "Within the last 92 days; left out: seven days ago."}
    )
    order_id = IdField()


class Duplicate(StrictSchema):
    """A thing that was seen `count` times; `subjects` are what it is about."""

    kind = fields.String(required=True)
    key = fields.String(required=True)
    count = fields.Integer(required=True)
    subjects = fields.List(fields.String(), required=True)
    first_at = MomentField(required=True)
    last_at = MomentField(required=True)
    verdict = fields.String(required=True)
    why = fields.String(required=True)


class DuplicatesReport(StrictSchema):
    """What was seen twice, the worst first; `counts` by verdict: `wrong`, `look`, `harmless`."""

    since = MomentField(required=True)
    until = MomentField(required=True)
    order_id = fields.String(required=True, allow_none=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    items = fields.List(fields.Nested(Duplicate), required=True)


class BalanceCheck(StrictSchema):
    """Two figures that must be the same, in minor units."""

    name = fields.String(required=True)
    ours = ShownAmountField(required=True)
    theirs = ShownAmountField(required=True)
    source = fields.String(required=True)
    agrees = fields.Boolean(required=True)


class OrderBalances(StrictSchema):
    """An order's money in minor units of `asset`; `agrees`: every check does."""

    order_id = fields.String(required=True)
    asset = fields.String(required=True)
    amount = ShownAmountField(required=True)
    figures = fields.Dict(keys=fields.String(), values=ShownAmountField(), required=True)
    checks = fields.List(fields.Nested(BalanceCheck), required=True)
    agrees = fields.Boolean(required=True)
