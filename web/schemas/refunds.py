"""Refunds in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from web.schemas.fields import AmountField, StrictSchema, reference_field


class NewRefund(StrictSchema):
    """How much of a payment goes back to its buyer, and why."""

    example: ClassVar = {
        "reference": "return-4711",
        "amount": "4500",
        "reason": "requested_by_customer",
    }

    reference = reference_field()
    amount = AmountField(
        load_default=None,
        metadata={
            "description": "Minor units; leave it out for all that is left.",
            "minimum": 1,
            "pattern": "^0*[1-9][0-9]*$",
        },
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

    example: ClassVar = {
        "id": "rfd_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "payment_id": "pay_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "order_id": "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "amount": "4500",
        "currency": "USD",
        "status": "succeeded",
        "reason": "requested_by_customer",
        "failure": None,
        "receipt_id": None,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:01Z",
    }

    id = fields.String()
    payment_id = fields.String()
    order_id = fields.String()
    amount = fields.String(metadata={"pattern": "^[0-9]+$"})
    currency = fields.String()
    status = fields.String(validate=validate.OneOf(["pending", "succeeded", "failed", "canceled"]))
    reason = fields.String(allow_none=True)
    failure = fields.Nested(RefundFailure, allow_none=True)
    receipt_id = fields.String(
        allow_none=True,
        metadata={"description": "The money that came by bank and no order got, of which this is."},
    )
    created_at = fields.String(metadata={"format": "date-time"})
    updated_at = fields.String(metadata={"format": "date-time"})


class RefundList(StrictSchema):
    """All refunds of a payment, oldest first; there are never more than one page of them."""

    data = fields.List(fields.Nested(Refund))
    next = fields.String(allow_none=True)
