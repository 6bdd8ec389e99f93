"""Payments in requests and answers."""

from marshmallow import fields, validate

from web.schemas.fields import (
    IdField,
    PageQuery,
    StrictSchema,
    reference_field,
)


class NewIntent(StrictSchema):
    """A card payment to start; its amount comes from the order."""

    reference = reference_field()
    order_id = IdField(required=True)
    capture = fields.String(
        load_default="automatic", validate=validate.OneOf(["automatic", "manual"])
    )


class Failure(StrictSchema):
    """Why a payment did not succeed, fit for the payer, and what to do next."""

    code = fields.String()
    stripe_code = fields.String(allow_none=True)
    message = fields.String()
    next_step = fields.String()


class Payment(StrictSchema):
    """One attempt of a buyer to pay an order, as `PaymentView.as_event` writes it."""

    id = fields.String()
    order_id = fields.String()
    rail = fields.String()
    status = fields.String()
    amount = fields.String(metadata={"pattern": "^[0-9]+$"})
    currency = fields.String()
    amount_captured = fields.String(metadata={"pattern": "^[0-9]+$"})
    amount_refunded = fields.String(metadata={"pattern": "^[0-9]+$"})
    failure = fields.Nested(Failure, allow_none=True)
    next_action = fields.Dict(allow_none=True)
    created_at = fields.String(metadata={"format": "date-time"})
    updated_at = fields.String(metadata={"format": "date-time"})


class CreatedIntent(Payment):
    """A payment with what the buyer's browser needs to pay it at Stripe."""

    client_secret = fields.String()
    publishable_key = fields.String()


class PaymentQuery(PageQuery):
    """Which payments are wanted."""

    order_id = IdField()


class PaymentPage(StrictSchema):
    """Payments, newest first."""

    data = fields.List(fields.Nested(Payment))
    next = fields.String(allow_none=True)
