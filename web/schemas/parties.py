"""Parties in requests and answers."""

from marshmallow import fields, validate

from payments.parties.tables import KYC_LEVELS
from web.schemas.fields import MomentField, StrictSchema, TextField, reference_field


class NewParty(StrictSchema):
    """A buyer or seller to register."""

    reference = reference_field()
    name = TextField(required=True, longest=200)
    email = TextField(longest=254, allow_none=True)
    address = TextField(longest=1000, lines=True, allow_none=True)
    tax_id = TextField(longest=50, allow_none=True)
    country = TextField(longest=2, allow_none=True, metadata={"description": "ISO 3166-1 alpha-2."})


class KycLevel(StrictSchema):
    """How well the platform knows a party."""

    level = fields.String(required=True, validate=validate.OneOf(sorted(KYC_LEVELS)))


class Party(StrictSchema):
    """A buyer or seller."""

    id = fields.String()
    name = fields.String()
    email = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    tax_id = fields.String(allow_none=True)
    country = fields.String(allow_none=True)
    kyc_level = fields.String()
    created_at = MomentField()
    updated_at = MomentField()
