"""Money by bank that is missed, and what it may be."""

from marshmallow import fields, validate

from web.schemas.fields import AmountField, ShownAmountField, StrictSchema, TextField


class BankSearchQuery(StrictSchema):
    """What is known of it; a reference, an amount or a name at least."""

    reference = TextField(
        longest=140, metadata={"description": "As the payer wrote it, mistakes included."}
    )
    amount = AmountField(metadata={"description": "In minor units, whichever way it went."})
    currency = fields.String(
        validate=validate.Regexp(r"[A-Z][A-Z0-9]{1,15}\Z"),
        metadata={"description": "Such as EUR; left out: every one."},
    )
    name = TextField(
        longest=140, metadata={"description": "A part of it, or of the text; finance and admin."}
    )
    from_ = fields.Date(
        data_key="from", metadata={"description": "The first day; left out: 30 days before `to`."}
    )
    to = fields.Date(metadata={"description": "The last day; left out: tomorrow."})


class LineDetails(StrictSchema):
    """The other party and the text of a line, as the bank wrote them."""

    name = fields.String(required=True, allow_none=True)
    account = fields.String(required=True, allow_none=True)
    text = fields.String(required=True)


class BankCandidate(StrictSchema):
    """Money that it may be: a statement's `line`, a `receipt`, or a `payment` that waits."""

    kind = fields.String(required=True)
    id = fields.String(required=True)
    amount = ShownAmountField(required=True)
    currency = fields.String(required=True)
    on_day = fields.Date(required=True)
    state = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    reference = fields.String(required=True, allow_none=True)
    likeness = fields.Integer(required=True)
    fits = fields.List(fields.String(), required=True)
    payment_id = fields.String(required=True, allow_none=True)
    order_id = fields.String(required=True, allow_none=True)
    details = fields.Nested(LineDetails, required=True, allow_none=True)


class BankSearch(StrictSchema):
    """What was found, the likeliest first; `read` is how much was looked through."""

    data = fields.List(fields.Nested(BankCandidate), required=True, attribute="items")
    from_ = fields.Date(required=True, data_key="from", attribute="from_day")
    to = fields.Date(required=True, attribute="to_day")
    read = fields.Integer(required=True)
