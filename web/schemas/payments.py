"""Payments in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.lifecycle.stages import Status
from payments.providers.stripe.declines import NextStep
from web.schemas.fields import (
    AmountField,
    IdField,
    PageQuery,
    StrictSchema,
    reference_field,
)

# By the payer's bank, or, before the payer was asked, by the provider: the problem the caller was
# told.
FAILURE_CODES = (
    "card_declined",
    "authentication_failed",
    "bank_declined",
    "authorization_denied",
    "authorization_failed",
    "payment_expired",
    "payment_failed",
    "validation",
    "provider_refused",
    "conflict",
)

_CREATED = {
    "id": "pay_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    "order_id": "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    "rail": "card",
    "status": "created",
    "amount": "13500",
    "currency": "USD",
    "amount_captured": "0",
    "amount_refunded": "0",
    "failure": None,
    "next_action": None,
    "bank": None,
    "escrow_id": None,
    "created_at": "2026-11-22T12:00:00Z",
    "updated_at": "2026-11-22T12:00:00Z",
}

_BANK: dict[str, str | None] = {
    "reference": "SR4Q8Z0M2T7X28",
    "provider_status": None,
    "expires_at": "2026-11-25T12:00:00Z",
    "amount_received": "0",
}


class NewIntent(StrictSchema):
    """A card payment to start; its amount comes from the order."""

    example: ClassVar = {"reference": "checkout-4711", "order_id": _CREATED["order_id"]}

    reference = reference_field()
    order_id = IdField(required=True)
    capture = fields.String(
        load_default="automatic", validate=validate.OneOf(["automatic", "manual"])
    )


class Confirmation(StrictSchema):
    """A card to pay with: Stripe's id of it, never its number."""

    example: ClassVar = {
        "reference": "confirm-4711-1",
        "payment_method": "pm_card_visa",
        "return_url": "https://shop.example/orders/4711",
    }

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

    example: ClassVar = {"reference": "cancel-4711", "reason": "requested_by_customer"}

    reference = reference_field()
    reason = fields.String(
        load_default="requested_by_customer",
        validate=validate.OneOf(["duplicate", "fraudulent", "requested_by_customer"]),
    )


class Capture(StrictSchema):
    """How much to take of what is reserved: minor units, all of it when left out."""

    example: ClassVar = {"reference": "capture-4711", "amount": "9000"}

    reference = reference_field()
    amount = AmountField(load_default=None, metadata={"minimum": 1, "pattern": "^0*[1-9][0-9]*$"})


class NewCheckout(StrictSchema):
    """A checkout page to make; where it leads to must be a trusted origin."""

    example: ClassVar = {
        "reference": "checkout-4711",
        "order_id": _CREATED["order_id"],
        "success_url": "https://shop.example/orders/4711",
        "cancel_url": "https://shop.example/cart",
    }

    reference = reference_field()
    order_id = IdField(required=True)
    success_url = fields.String(required=True, validate=validate.Length(1, 2_000))
    cancel_url = fields.String(required=True, validate=validate.Length(1, 2_000))


class NewBankLink(StrictSchema):
    """A bank payment to start; where its payer comes back to must be a trusted origin."""

    example: ClassVar = {
        "reference": "checkout-4711",
        "order_id": _CREATED["order_id"],
        "return_url": "https://shop.example/orders/4711",
    }

    reference = reference_field()
    order_id = IdField(required=True)
    return_url = fields.String(required=True, validate=validate.Length(1, 2_000))


class Failure(StrictSchema):
    """Why a payment did not succeed, fit for the payer, and what to do next."""

    code = fields.String(validate=validate.OneOf(FAILURE_CODES))
    stripe_code = fields.String(allow_none=True)
    message = fields.String()
    next_step = fields.String(validate=validate.OneOf([*NextStep]))


class NextAction(StrictSchema):
    """What the payer must do: go to `url`, or let Stripe.js ask (`use_stripe_sdk`)."""

    may_lack = ("url",)

    type = fields.String(validate=validate.OneOf(["redirect_to_url", "use_stripe_sdk"]))
    url = fields.String(metadata={"description": "The bank's page, for `redirect_to_url`."})


class PaymentByBank(StrictSchema):
    """What a payment by bank has besides: the reference its transfer must quote, and until when.

    `provider_status` is the provider's own word for where it stands, such as `executed` (sent,
    not yet ours) or `settled`; `amount_received` is all that arrived for it.
    """

    reference = fields.String()
    provider_status = fields.String(allow_none=True)
    expires_at = fields.String(metadata={"format": "date-time"})
    amount_received = fields.String(metadata={"pattern": "^[0-9]+$"})


class Payment(StrictSchema):
    """One attempt of a buyer to pay an order, as `PaymentView.as_event` writes it."""

    example: ClassVar = _CREATED | {"status": "succeeded", "amount_captured": "13500"}

    id = fields.String()
    order_id = fields.String()
    rail = fields.String(validate=validate.OneOf(["card", "bank", "crypto"]))
    status = fields.String(validate=validate.OneOf([*Status]))
    amount = fields.String(metadata={"pattern": "^[0-9]+$"})
    currency = fields.String()
    amount_captured = fields.String(metadata={"pattern": "^[0-9]+$"})
    amount_refunded = fields.String(metadata={"pattern": "^[0-9]+$"})
    failure = fields.Nested(Failure, allow_none=True)
    next_action = fields.Nested(NextAction, allow_none=True)
    bank = fields.Nested(PaymentByBank, allow_none=True)
    escrow_id = fields.String(
        allow_none=True, metadata={"description": "Of rail `crypto`: where the money is on chain."}
    )
    created_at = fields.String(metadata={"format": "date-time"})
    updated_at = fields.String(metadata={"format": "date-time"})


class CreatedIntent(Payment):
    """A payment with what the buyer's browser needs to pay it at Stripe."""

    example: ClassVar = _CREATED | {
        "client_secret": "pi_3Q0example_secret_0example",
        "publishable_key": "pk_test_example",
    }

    client_secret = fields.String()
    publishable_key = fields.String()


class CreatedCheckout(Payment):
    """A payment with the page on which the buyer pays it; `url` is null once it is closed."""

    example: ClassVar = _CREATED | {
        "checkout_session_id": "cs_test_example",
        "url": "https://checkout.stripe.com/c/pay/cs_test_example",
    }

    checkout_session_id = fields.String()
    url = fields.String(allow_none=True)


class CreatedBankLink(Payment):
    """A payment with the page that leads the payer to their bank; null once it is closed.

    A transfer for it quotes `bank_reference`. It may be paid until `expires_at`.
    """

    example: ClassVar[dict[str, Any]] = _CREATED | {
        "rail": "bank",
        "bank": _BANK,
        "link_url": "https://payment.truelayer.com/payments#payment_id=example",
        "bank_reference": _BANK["reference"],
        "expires_at": _BANK["expires_at"],
    }

    link_url = fields.String(allow_none=True)
    bank_reference = fields.String()
    expires_at = fields.String(metadata={"format": "date-time"})


class PaymentQuery(PageQuery):
    """Which payments are wanted."""

    order_id = IdField()


class PaymentPage(StrictSchema):
    """Payments, newest first."""

    example: ClassVar = {"data": [_CREATED], "next": None}

    data = fields.List(fields.Nested(Payment))
    next = fields.String(allow_none=True)
