"""Escrows in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from web.schemas.fields import IdField, StrictSchema, TextField, reference_field
from web.schemas.ops import MomentInput

STATUSES = (
    "deploying",
    "awaiting_deposit",
    "deposit_seen",
    "funded",
    "disputed",
    "closed",
    "expired",
    "failed",
)
KINDS = (
    "created",
    "deposited",
    "released",
    "refunded",
    "reclaimed",
    "disputed",
    "paused",
    "unpaused",
    "parked",
    "withdrawn",
    "rescued",
    "stray",
)
_AMOUNT = {"pattern": "^[0-9]+$"}
_MOMENT = {"format": "date-time"}
_ADDRESS = {"pattern": "^0x[0-9a-fA-F]{40}$"}
_HASH = {"pattern": "^0x[0-9a-f]{64}$"}
_DATA = {"pattern": "^0x[0-9a-f]+$"}

_ESCROW_ID = "esc_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"
_ORDER_ID = "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"
_CONTRACT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


class NewEscrow(StrictSchema):
    """An escrow to deploy; its amount comes from the order, its addresses from the parties."""

    example: ClassVar = {"reference": "checkout-4711", "order_id": _ORDER_ID, "asset": "USDC"}

    reference = reference_field()
    order_id = IdField(required=True)
    asset = TextField(
        required=True, longest=10, metadata={"description": "The order's currency, such as USDC."}
    )
    chain = TextField(
        longest=31,
        load_default=None,
        metadata={"description": "The network's name; needed where several hold the asset."},
    )
    fund_by = MomentInput(
        load_default=None,
        metadata={"description": "Until when the deposit is taken. Left out: the platform's rule."},
    )
    release_by = MomentInput(
        load_default=None,
        metadata={
            "description": "Until when it may be released; later the buyer may take it back."
            " Left out: the platform's rule."
        },
    )


class EscrowName(StrictSchema):
    """Which escrow is meant."""

    example: ClassVar = {"escrow_id": _ESCROW_ID}

    escrow_id = IdField(required=True)


class NewDispute(StrictSchema):
    """Why the escrow is disputed; both parties can read it."""

    example: ClassVar = {"reference": "dispute-4711", "reason": "The desk has three legs."}

    reference = reference_field()
    reason = TextField(required=True, longest=500)


class Approval(StrictSchema):
    """What the wallet sends first, to the token, so that the contract may take the deposit."""

    to = fields.String(metadata=_ADDRESS)
    data = fields.String(metadata=_DATA)


class DepositCall(StrictSchema):
    """What the buyer's wallet sends; `value` is wei of the chain's own coin."""

    to = fields.String(metadata=_ADDRESS)
    data = fields.String(metadata=_DATA)
    value = fields.String(metadata=_AMOUNT)
    approve = fields.Nested(Approval, allow_none=True)


class EscrowEffect(StrictSchema):
    """What happened on the contract; what is `seen` only may yet be `orphaned`."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    amount = fields.String(metadata=_AMOUNT)
    tx_hash = fields.String(metadata=_HASH)
    block_number = fields.Integer()
    state = fields.String(validate=validate.OneOf(["seen", "final", "orphaned"]))
    at = fields.String(metadata=_MOMENT)


class Escrow(StrictSchema):
    """An order's money on chain, as `EscrowView.as_json` writes it; amounts that are final."""

    example: ClassVar = {
        "id": _ESCROW_ID,
        "order_id": _ORDER_ID,
        "payment_id": "pay_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "chain": "base",
        "chain_id": 8453,
        "asset": "USDC",
        "token_address": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "amount": "135000000",
        "status": "awaiting_deposit",
        "is_paused": False,
        "contract_address": _CONTRACT,
        "depositor": "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "beneficiary": "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "operator": "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "arbiter": "0x52908400098527886E0F7030069857D2E4169EE7",
        "guardian": "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "fund_by": "2026-11-25T12:00:00Z",
        "release_by": "2026-12-25T12:00:00Z",
        "arbiter_by": "2027-02-23T12:00:00Z",
        "tx_hash": "0x" + 32 * "5a",
        "confirmations": 4,
        "required_confirmations": 12,
        "amount_deposited": "0",
        "amount_released": "0",
        "amount_refunded": "0",
        "amount_held": "0",
        "amount_stray": "0",
        "dispute_reason": None,
        "deposit": {
            "to": _CONTRACT,
            "data": "0xd0e30db0",
            "value": "0",
            "approve": {
                "to": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
                "data": "0x095ea7b3" + 24 * "0" + _CONTRACT[2:].lower() + f"{135_000_000:064x}",
            },
        },
        "timeline": [
            {
                "kind": "created",
                "amount": "0",
                "tx_hash": "0x" + 32 * "5a",
                "block_number": 23_415_678,
                "state": "seen",
                "at": "2026-11-22T12:00:10Z",
            }
        ],
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:12Z",
    }

    id = fields.String()
    order_id = fields.String()
    payment_id = fields.String()
    chain = fields.String()
    chain_id = fields.Integer(
        allow_none=True, metadata={"description": "Null once the chain is not set up any more."}
    )
    asset = fields.String()
    token_address = fields.String(
        allow_none=True, metadata={"description": "Null for the chain's own coin.", **_ADDRESS}
    )
    amount = fields.String(metadata=_AMOUNT)
    status = fields.String(validate=validate.OneOf(STATUSES))
    is_paused = fields.Boolean(metadata={"description": "The guardian stopped releases."})
    contract_address = fields.String(
        metadata={"description": "Where the contract is, or will be.", **_ADDRESS}
    )
    depositor = fields.String(metadata=_ADDRESS)
    beneficiary = fields.String(metadata=_ADDRESS)
    operator = fields.String(metadata=_ADDRESS)
    arbiter = fields.String(metadata=_ADDRESS)
    guardian = fields.String(metadata=_ADDRESS)
    fund_by = fields.String(metadata=_MOMENT)
    release_by = fields.String(metadata=_MOMENT)
    arbiter_by = fields.String(
        metadata={
            "description": "Until when a dispute is decided; later the buyer may take it.",
            **_MOMENT,
        }
    )
    tx_hash = fields.String(
        allow_none=True,
        metadata={"description": "The transaction that deploys it; null until sent.", **_HASH},
    )
    confirmations = fields.Integer(
        metadata={"description": "Of the newest thing that is not final; else of the deposit."}
    )
    required_confirmations = fields.Integer(
        allow_none=True, metadata={"description": "Null: the chain itself says what is final."}
    )
    amount_deposited = fields.String(metadata=_AMOUNT)
    amount_released = fields.String(metadata=_AMOUNT)
    amount_refunded = fields.String(metadata=_AMOUNT)
    amount_held = fields.String(metadata=_AMOUNT)
    amount_stray = fields.String(
        metadata={"description": "Sent to the contract past its deposit; the buyer's.", **_AMOUNT}
    )
    dispute_reason = fields.String(allow_none=True)
    deposit = fields.Nested(
        DepositCall,
        allow_none=True,
        metadata={"description": "What the buyer's wallet sends, while the deposit is awaited."},
    )
    timeline = fields.List(fields.Nested(EscrowEffect))
    created_at = fields.String(metadata=_MOMENT)
    updated_at = fields.String(metadata=_MOMENT)
