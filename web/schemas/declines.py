"""Failed attempts of a payment in answers."""

from typing import Any, ClassVar

from marshmallow import fields

from web.schemas.fields import MomentField, StrictSchema


def _advice(**kwargs: Any) -> fields.Nested:
    return fields.Nested(Advice, **kwargs)


class Advice(StrictSchema):
    """What it means, what to tell the payer, and what we can do."""

    example: ClassVar = {
        "meaning": "The account behind the card has too little money at this moment.",
        "tell": "Please pay with another card or by bank.",
        "do": "Nothing on our side; the order stays open for another attempt.",
    }

    meaning = fields.String()
    tell = fields.String()
    do = fields.String()


class DeclinedAttempt(StrictSchema):
    """One failed attempt: `message` and `next_step` are what the payer saw."""

    at = MomentField()
    told_by = fields.List(
        fields.String(), metadata={"description": "Such as `api:confirm` or `stripe:evt_…`."}
    )
    code = fields.String()
    stripe_code = fields.String(allow_none=True)
    message = fields.String()
    next_step = fields.String()
    advice = _advice()


class Declines(StrictSchema):
    """A payment's failed attempts, oldest first; `waiting`: its payer has to confirm it yet."""

    example: ClassVar = {
        "payment_id": "pay_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "status": "failed",
        "attempts": [
            {
                "at": "2026-11-22T12:00:00Z",
                "told_by": ["stripe:evt_1PZfYz2eZvKYlo2C8wXQ"],
                "code": "card_declined",
                "stripe_code": "insufficient_funds",
                "message": "The card has insufficient funds.",
                "next_step": "try_another_card",
                "advice": Advice.example,
            }
        ],
        "waiting": None,
    }

    payment_id = fields.String(attribute="payment.id")
    status = fields.String(attribute="payment.status")
    attempts = fields.List(fields.Nested(DeclinedAttempt))
    waiting = _advice(allow_none=True)
