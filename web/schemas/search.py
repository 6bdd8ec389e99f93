"""What a search asks and finds."""

from marshmallow import fields

from web.schemas.fields import MomentField, ShownAmountField, StrictSchema


class SearchQuery(StrictSchema):
    """What is searched for."""

    q = fields.String(
        required=True,
        metadata={
            "description": "An id, or its beginning; a reference of yours; an e-mail address; an"
            " id of a provider or of its event; a bank reference; a transaction's hash; an address"
            " on chain; the number of an invoice. 1 to 255 characters."
        },
    )


class Found(StrictSchema):
    """A thing; `by` is what of it was searched for, `link` its page in the console."""

    kind = fields.String(required=True)
    id = fields.String(required=True)
    title = fields.String(required=True)
    state = fields.String(required=True, allow_none=True)
    by = fields.String(required=True)
    amount = ShownAmountField(required=True, allow_none=True)
    asset = fields.String(required=True, allow_none=True)
    at = MomentField(required=True)
    order_id = fields.String(required=True, allow_none=True)
    payment_id = fields.String(required=True, allow_none=True)
    link = fields.String(required=True, allow_none=True)


class SearchResults(StrictSchema):
    """What was found, likeliest first; `unsearched` says what was left out, and why."""

    data = fields.List(fields.Nested(Found), required=True)
    unsearched = fields.String(required=True, allow_none=True)
