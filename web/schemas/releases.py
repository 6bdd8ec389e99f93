"""Releases in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from web.schemas.fields import (
    AmountField,
    IdField,
    PageQuery,
    StrictSchema,
    TextField,
    reference_field,
)

STATUSES = (
    "requested",
    "approved",
    "signed",
    "broadcast",
    "mined",
    "posted",
    "failed",
    "canceled",
)
_AMOUNT = {"pattern": "^[0-9]+$"}
_MOMENT = {"format": "date-time"}

_ORDER_ID = "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"


class NewRelease(StrictSchema):
    """Held funds to release: of an order or of an escrow, in part or all that is left."""

    example: ClassVar = {
        "reference": "delivered-4711",
        "order_id": _ORDER_ID,
        "amount": "12500",
    }

    reference = reference_field()
    order_id = IdField(load_default=None)
    escrow_id = IdField(load_default=None)
    amount = AmountField(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Minor units; leave it out for all that is held and free.",
            "minimum": 1,
            "pattern": "^0*[1-9][0-9]*$",
        },
    )


class ReleaseApproval(StrictSchema):
    """The approval of a release by a second person."""

    example: ClassVar = {"reference": "approve-4711"}

    reference = reference_field()


class ReleaseCancellation(StrictSchema):
    """A release taken back, and why."""

    example: ClassVar = {"reference": "cancel-4711", "reason": "The parcel came back."}

    reference = reference_field()
    reason = TextField(required=True, longest=500)


class ReleasesQuery(StrictSchema):
    """Whose releases are wanted."""

    order_id = IdField(required=True)


class ReleasesDeskQuery(PageQuery):
    """Which releases a page of the console shows."""

    status = fields.String(validate=validate.OneOf(STATUSES))
    order_id = IdField()


class ReleaseFailure(StrictSchema):
    """Why a release did not happen; its money is held for the order again."""

    code = fields.String()
    message = fields.String(allow_none=True)


class ReleaseCanceled(StrictSchema):
    """Who took a release back, and why."""

    by = fields.String()
    reason = fields.String()


class ReleaseTransaction(StrictSchema):
    """The transaction that pays the seller on chain."""

    hash = fields.String(metadata={"pattern": "^0x[0-9a-f]{64}$"})
    confirmations = fields.Integer()
    required_confirmations = fields.Integer(
        allow_none=True,
        metadata={"description": "Null where the chain itself says what is final."},
    )


class ReleasePayout(StrictSchema):
    """The payout of what a release owes its seller."""

    id = fields.String()
    status = fields.String()


class Release(StrictSchema):
    """Held funds on their way to the seller, as `ReleaseView.as_json` writes them."""

    example: ClassVar = {
        "id": "rel_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "order_id": _ORDER_ID,
        "escrow_id": None,
        "payment_id": "pay_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "seller_id": "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "amount": "12500",
        "currency": "EUR",
        "platform_fee": "500",
        "tax": "1996",
        "set_off": "0",
        "seller_amount": "10004",
        "status": "posted",
        "needs_approval": False,
        "requested_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "approved_by": None,
        "failure": None,
        "canceled": None,
        "transaction": None,
        "payout": {"id": "pyo_01KB2V6Q0R8Y4W5Z7X9A1C3E5G", "status": "queued"},
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
    }

    id = fields.String()
    order_id = fields.String()
    escrow_id = fields.String(
        allow_none=True, metadata={"description": "Null for money of a card or bank payment."}
    )
    payment_id = fields.String()
    seller_id = fields.String()
    amount = fields.String(metadata=_AMOUNT)
    currency = fields.String()
    platform_fee = fields.String(metadata=_AMOUNT)
    tax = fields.String(metadata=_AMOUNT)
    set_off = fields.String(
        metadata=_AMOUNT | {"description": "What of it paid a debt of the seller, once posted."}
    )
    seller_amount = fields.String(
        metadata=_AMOUNT
        | {
            "description": "What the seller is paid. On chain that is all of it: fee and tax are"
            " a debt of theirs then, which later releases set off."
        }
    )
    status = fields.String(validate=validate.OneOf(STATUSES))
    needs_approval = fields.Boolean()
    requested_by = fields.String()
    approved_by = fields.String(allow_none=True)
    failure = fields.Nested(ReleaseFailure, allow_none=True)
    canceled = fields.Nested(ReleaseCanceled, allow_none=True)
    transaction = fields.Nested(ReleaseTransaction, allow_none=True)
    payout = fields.Nested(ReleasePayout, allow_none=True)
    created_at = fields.String(metadata=_MOMENT)
    updated_at = fields.String(metadata=_MOMENT)


class ReleaseList(StrictSchema):
    """All releases of an order, oldest first; there are never more than one page of them."""

    data = fields.List(fields.Nested(Release))
    next = fields.String(allow_none=True)
