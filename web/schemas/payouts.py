"""Payout destinations in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.payouts.destination_input import MAX_HOLDER
from payments.payouts.destinations import KINDS
from web.schemas.fields import StrictSchema, TextField, reference_field

_MOMENT = {"format": "date-time"}


class NewDestination(StrictSchema):
    """Where a party wants to be paid: `chain` and `address`, `account`, or the fields of a bank."""

    example: ClassVar = {
        "reference": "wallet-17",
        "kind": "chain",
        "chain": "base",
        "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    }

    reference = reference_field()
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    chain = TextField(longest=31, load_default=None, allow_none=True)
    address = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 100),
        metadata={"description": "With the capitals of its checksum (EIP-55)."},
    )
    account = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 100),
        metadata={"description": "A connected account of Stripe, `acct_…`."},
    )
    currency = TextField(longest=10, load_default=None, allow_none=True)
    iban = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 60))
    holder = TextField(longest=MAX_HOLDER, load_default=None, allow_none=True)


class Decision(StrictSchema):
    """A second person's word on a destination; all that is needed is a reference."""

    example: ClassVar = {"reference": "wallet-17-approved"}

    reference = reference_field()


class Destination(StrictSchema):
    """Where a party is paid, as `DestinationView.as_json` writes it.

    `address`, `account`, `iban` and `holder` are for the party itself and for those who decide;
    everybody else sees `hint`.
    """

    example: ClassVar = {
        "id": "dst_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "party_id": "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "kind": "chain",
        "chain": "base",
        "currency": None,
        "hint": "0x5aAe…eAed",
        "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "account": None,
        "iban": None,
        "holder": None,
        "status": "approved",
        "active_from": "2026-11-23T12:30:00Z",
        "proposed_by": "party:pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "decided_by": "key:key_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "created_at": "2026-11-22T12:00:00Z",
        "decided_at": "2026-11-22T12:30:00Z",
    }

    id = fields.String()
    party_id = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    chain = fields.String(allow_none=True)
    currency = fields.String(allow_none=True)
    hint = fields.String()
    address = fields.String(allow_none=True)
    account = fields.String(allow_none=True)
    iban = fields.String(allow_none=True)
    holder = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf(["proposed", "approved", "rejected"]))
    active_from = fields.String(
        allow_none=True,
        metadata={"description": "When it comes into force; until then the old one is.", **_MOMENT},
    )
    proposed_by = fields.String()
    decided_by = fields.String(allow_none=True)
    created_at = fields.String(metadata=_MOMENT)
    decided_at = fields.String(allow_none=True, metadata=_MOMENT)


class DestinationList(StrictSchema):
    """All destinations of a party, newest first; there is never more than one page of them."""

    data = fields.List(fields.Nested(Destination))
    next = fields.String(allow_none=True)
