"""Refunds in requests and answers."""

from marshmallow import fields, validate

from web.schemas.fields import AmountField, StrictSchema, reference_field


class NewRefund(StrictSchema):
    """How much of a payment goes back to its buyer, and why."""

    reference = reference_field()
    amount = AmountField(
        load_default=None,
        metadata={"description": "Minor units; leave it out for all that is left."},
    )
    reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(["duplicate", "fraudulent", "requested_by_customer"]),
    )


class RefundFailure(StrictSchema):
    """Why a refund did not arrive."""

    code = fields.String()
    message = fields.String()


class Refund(StrictSchema):
    """Money on its way back to a buyer, as `RefundView.as_json` writes it."""

    id = fields.String()
    payment_id = fields.String()
    order_id = fields.String()
    amount = fields.String(metadata={"pattern": "^[0-9]+$"})
    currency = fields.String()
    status = fields.String(validate=validate.OneOf(["pending", "succeeded", "failed", "canceled"]))
    reason = fields.String(allow_none=True)
    failure = fields.Nested(RefundFailure, allow_none=True)
    created_at = fields.String(metadata={"format": "date-time"})
    updated_at = fields.String(metadata={"format": "date-time"})


class RefundList(StrictSchema):
    """All refunds of a payment, oldest first; there are never more than one page of them."""

    data = fields.List(fields.Nested(Refund))
    next = fields.String(allow_none=True)
