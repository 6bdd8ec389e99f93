"""Payouts to sellers in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.payouts.read_payouts import STATUSES
from web.schemas.fields import IdField, PageQuery, StrictSchema, reference_field

_AMOUNT = {"pattern": "^[0-9]+$"}
_MOMENT = {"format": "date-time"}


class PayoutsQuery(PageQuery):
    """Which payouts are wanted, the newest first."""

    seller_id = IdField(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class PayoutRetry(StrictSchema):
    """One more attempt at a payout that failed."""

    example: ClassVar = {"reference": "again-4711"}

    reference = reference_field()


class PayoutDestination(StrictSchema):
    """Where a payout goes, as far as it may be shown."""

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(["stripe", "bank"]))
    hint = fields.String()


class PayoutFailure(StrictSchema):
    """Why a payout failed; its money is the seller's all the same."""

    code = fields.String()
    message = fields.String()


class SellerPayout(StrictSchema):
    """What a release owes its seller, on its way, as `PayoutView.as_json` writes it."""

    example: ClassVar = {
        "id": "pyo_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "release_id": "rel_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "order_id": "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "seller_id": "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "provider": "stripe",
        "destination": {
            "id": "dst_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
            "kind": "stripe",
            "hint": "acct_…x4Tq",
        },
        "amount": "10004",
        "amount_paid": "10004",
        "currency": "EUR",
        "status": "paid",
        "failure": None,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:01Z",
        "paid_at": "2026-11-22T12:00:01Z",
    }

    id = fields.String()
    release_id = fields.String()
    order_id = fields.String()
    seller_id = fields.String()
    provider = fields.String(
        metadata={"description": "Who took the money and pays it out: stripe, truelayer, …"}
    )
    destination = fields.Nested(PayoutDestination, allow_none=True)
    amount = fields.String(metadata=_AMOUNT)
    amount_paid = fields.String(
        metadata={**_AMOUNT, "description": "What of it was paid and did not come back."}
    )
    currency = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))
    failure = fields.Nested(PayoutFailure, allow_none=True)
    created_at = fields.String(metadata=_MOMENT)
    updated_at = fields.String(metadata=_MOMENT)
    paid_at = fields.String(allow_none=True, metadata=_MOMENT)


class SellerPayoutPage(StrictSchema):
    """Payouts, the newest first; `next` is where the following page begins."""

    data = fields.List(fields.Nested(SellerPayout))
    next = fields.String(allow_none=True)
