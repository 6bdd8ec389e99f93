"""Parties in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.parties.tables import KYC_LEVELS
from web.schemas.fields import MomentField, StrictSchema, TextField, reference_field


class NewParty(StrictSchema):
    """A buyer or seller to register."""

    example: ClassVar = {
        "reference": "user-17",
        "name": "Ada Example",
        "email": "ada@example.com",
        "country": "GB",
    }

    reference = reference_field()
    name = TextField(required=True, longest=200)
    email = TextField(longest=254, allow_none=True)
    address = TextField(longest=1000, lines=True, allow_none=True)
    tax_id = TextField(longest=50, allow_none=True)
    country = TextField(longest=2, allow_none=True, metadata={"description": "ISO 3166-1 alpha-2."})


class KycLevel(StrictSchema):
    """How well the platform knows a party."""

    example: ClassVar = {"level": "basic"}

    level = fields.String(required=True, validate=validate.OneOf(sorted(KYC_LEVELS)))


class PartyQuery(StrictSchema):
    """Whom to find."""

    email = TextField(required=True, longest=254)


class NewErasure(StrictSchema):
    """Whose wish it is that a person's data be erased, or which rule."""

    example: ClassVar = {"reference": "erase-17", "reason": "Asked by letter of 20 November."}

    reference = reference_field()
    reason = TextField(required=True, longest=500)


class Party(StrictSchema):
    """A buyer or seller."""

    example: ClassVar = {
        "id": "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "name": "Ada Example",
        "email": "ada@example.com",
        "address": None,
        "tax_id": None,
        "country": "GB",
        "kyc_level": "none",
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
        "erased_at": None,
    }

    id = fields.String()
    name = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    tax_id = fields.String(allow_none=True)
    country = fields.String(allow_none=True)
    kyc_level = fields.String()
    created_at = MomentField()
    updated_at = MomentField()
    erased_at = MomentField(
        allow_none=True, metadata={"description": "From then on nothing personal is known."}
    )


class Parties(StrictSchema):
    """Parties, newest first."""

    items = fields.List(fields.Nested(Party))
