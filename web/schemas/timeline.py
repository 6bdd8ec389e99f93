"""A payment's history in answers."""

from marshmallow import fields, validate

from web.schemas.escrow import EscrowEffect
from web.schemas.fields import MomentField, ShownAmountField, StrictSchema
from web.schemas.payments import Payment
from web.schemas.refunds import Refund


class Step(StrictSchema):
    """One step of a payment's life; `cause` is who told it, such as `api:confirm` or `poll`."""

    seq = fields.Integer()
    from_status = fields.String(allow_none=True)
    to_status = fields.String()
    cause = fields.String()
    occurred_at = MomentField()
    recorded_at = MomentField()


class DisputeLine(StrictSchema):
    """A buyer's bank asking for the money back."""

    id = fields.String()
    amount = ShownAmountField()
    currency = fields.String()
    status = fields.String()
    reason = fields.String()
    evidence_due_by = MomentField(allow_none=True)
    created_at = MomentField()
    updated_at = MomentField()


class ReceiptLine(StrictSchema):
    """Money that arrived by bank; what is neither applied nor returned waits, for `reason`."""

    id = fields.String()
    source = fields.String()
    amount = ShownAmountField()
    currency = fields.String()
    amount_applied = ShownAmountField()
    amount_returned = ShownAmountField()
    reason = fields.String(
        allow_none=True, validate=validate.OneOf(["short", "over", "twice", "late"])
    )
    occurred_at = MomentField()


class CallLine(StrictSchema):
    """A call to the provider and what came of it; an open one is looked up at `due_at`."""

    id = fields.String()
    operation = fields.String()
    state = fields.String()
    error = fields.String(allow_none=True)
    attempts = fields.Integer()
    due_at = MomentField(allow_none=True)
    created_at = MomentField()
    finished_at = MomentField(allow_none=True)


class TransactionLine(StrictSchema):
    """What we send to the chain, `kind` for `subject_id`; `error` says why it waits or ended."""

    id = fields.String()
    chain = fields.String()
    kind = fields.String()
    subject_id = fields.String()
    state = fields.String(
        validate=validate.OneOf(
            ["queued", "signed", "broadcast", "mined", "final", "failed", "canceled"]
        )
    )
    nonce = fields.Integer(allow_none=True)
    tx_hash = fields.String(attribute="mined_hash", allow_none=True)
    block_number = fields.Integer(allow_none=True)
    error = fields.String(allow_none=True)
    created_at = MomentField()
    updated_at = MomentField()


class PayoutLine(StrictSchema):
    """The payout that took the money to our bank."""

    provider_ref = fields.String()
    status = fields.String()
    arrival_date = fields.String(metadata={"format": "date"})


class SettledLine(StrictSchema):
    """A movement of Stripe's balance, in signed minor units: `net` is `amount` less `fee`."""

    id = fields.String()
    type = fields.String()
    amount = ShownAmountField()
    fee = ShownAmountField()
    net = ShownAmountField()
    currency = fields.String()
    occurred_at = MomentField()
    available_on = MomentField()
    is_available = fields.Boolean()
    payout = fields.Nested(PayoutLine, allow_none=True)


class PostingLine(StrictSchema):
    """One posting: debit positive, credit negative, in minor units of `asset`."""

    path = fields.String()
    asset = fields.String()
    amount = ShownAmountField()


class EntryLine(StrictSchema):
    """A ledger entry of the payment."""

    id = fields.Integer()
    effect_key = fields.String()
    kind = fields.String()
    occurred_at = MomentField()
    recorded_at = MomentField()
    description = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(PostingLine))


class Timeline(StrictSchema):
    """Everything that happened to a payment, each list in its order.

    `receipts`, `calls`, `transactions`, `settlement` and `ledger_entries` are null for buyers and
    sellers. `effects` is what happened on an escrow's contract.
    """

    payment = fields.Nested(Payment, attribute="payment_shown")
    events = fields.List(fields.Nested(Step))
    refunds = fields.List(fields.Nested(Refund), attribute="refunds_shown")
    disputes = fields.List(fields.Nested(DisputeLine))
    effects = fields.List(fields.Nested(EscrowEffect), attribute="effects_shown")
    receipts = fields.List(fields.Nested(ReceiptLine), allow_none=True)
    calls = fields.List(fields.Nested(CallLine), allow_none=True)
    transactions = fields.List(fields.Nested(TransactionLine), allow_none=True)
    settlement = fields.List(fields.Nested(SettledLine), allow_none=True)
    ledger_entries = fields.List(fields.Nested(EntryLine), attribute="entries", allow_none=True)
