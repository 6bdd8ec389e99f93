"""Payments in requests and answers."""

from marshmallow import fields, validate

from web.schemas.fields import (
    AmountField,
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


class Confirmation(StrictSchema):
    """A card to pay with: Stripe's id of it, never its number."""

    reference = reference_field()
    payment_method = fields.String(
        required=True,
        validate=validate.Regexp(r"pm_[A-Za-z0-9_]{1,200}\Z", error="Use Stripe's id, `pm_…`."),
    )
    return_url = fields.String(
        load_default=None,
        validate=validate.Length(1, 2_000),
        metadata={
            "description": "Where the payer comes back to from their bank's page: a trusted"
            " origin. Left out, `next_action` is for Stripe.js in the payer's browser."
        },
    )


class Cancellation(StrictSchema):
    """Why a payment is given up."""

    reference = reference_field()
    reason = fields.String(
        load_default="requested_by_customer",
        validate=validate.OneOf(["duplicate", "fraudulent", "requested_by_customer"]),
    )


class Capture(StrictSchema):
    """How much to take of what is reserved: minor units, all of it when left out."""

    reference = reference_field()
    amount = AmountField(load_default=None)


class NewCheckout(StrictSchema):
    """A checkout page to make; where it leads to must be a trusted origin."""

    reference = reference_field()
    order_id = IdField(required=True)
    success_url = fields.String(required=True, validate=validate.Length(1, 2_000))
    cancel_url = fields.String(required=True, validate=validate.Length(1, 2_000))


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


class CreatedCheckout(Payment):
    """A payment with the page on which the buyer pays it; `url` is null once it is closed."""

    checkout_session_id = fields.String()
    url = fields.String(allow_none=True)


class PaymentQuery(PageQuery):
    """Which payments are wanted."""

    order_id = IdField()


class PaymentPage(StrictSchema):
    """Payments, newest first."""

    data = fields.List(fields.Nested(Payment))
    next = fields.String(allow_none=True)
