"""Orders in requests and answers."""

from decimal import Decimal
from typing import Any, ClassVar

from marshmallow import fields, post_load, validate

from payments.orders.order_input import MAX_LINES, MAX_QUANTITY
from payments.orders.totals import TAX_CATEGORIES, LineInput
from web.schemas.fields import (
    AmountField,
    CountField,
    IdField,
    MomentField,
    RateField,
    ShownAmountField,
    StrictSchema,
    TextField,
    reference_field,
)


class OrderLine(StrictSchema):
    """One line: `unit_amount` in minor units without tax, `tax_rate` in percent.

    `tax_category` says why the tax is what it is: without one, a line with a rate is `standard`
    and one without is `zero_rated`. An `exempt` line needs a `tax_note` that says why.
    """

    description = TextField(required=True, longest=500)
    quantity = CountField(required=True, validate=validate.Range(1, MAX_QUANTITY))
    unit_amount = AmountField(required=True)
    tax_rate = RateField(load_default=Decimal(0))
    tax_category = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(TAX_CATEGORIES)
    )
    tax_note = TextField(load_default=None, allow_none=True, longest=500)

    @post_load
    def to_line(self, data: dict[str, Any], **_kwargs: Any) -> LineInput:
        """Return the line as the use case takes it."""
        return LineInput(**data)


class NewOrder(StrictSchema):
    """An order to place; the total is computed here, with the tax rounded once per rate."""

    example: ClassVar = {
        "reference": "cart-4711",
        "buyer_id": "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "seller_id": "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5H",
        "currency": "USD",
        "lines": [
            {"description": "Walnut desk", "quantity": 1, "unit_amount": "12500", "tax_rate": "8"}
        ],
        "platform_fee": "1000",
    }

    reference = reference_field()
    buyer_id = IdField(required=True)
    seller_id = IdField(required=True)
    currency = fields.String(required=True, validate=validate.Regexp(r"[A-Z][A-Z0-9]{1,15}\Z"))
    lines = fields.List(
        fields.Nested(OrderLine), required=True, validate=validate.Length(1, MAX_LINES)
    )
    platform_fee = AmountField(load_default=0)


class Order(StrictSchema):
    """What a buyer owes a seller; `amount` includes `tax_amount`."""

    example: ClassVar = {
        "id": "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "buyer_id": "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "seller_id": "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5H",
        "currency": "USD",
        "amount": "13500",
        "tax_amount": "1000",
        "platform_fee": "1000",
        "status": "open",
        "lines": [
            {
                "description": "Walnut desk",
                "quantity": 1,
                "unit_amount": "12500",
                "tax_rate": "8",
                "tax_category": "standard",
                "tax_note": None,
            }
        ],
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
    }

    id = fields.String()
    buyer_id = fields.String()
    seller_id = fields.String()
    currency = fields.String()
    amount = ShownAmountField()
    tax_amount = ShownAmountField()
    platform_fee = ShownAmountField()
    status = fields.String()
    lines = fields.List(fields.Nested(OrderLine))
    created_at = MomentField()
    updated_at = MomentField()
