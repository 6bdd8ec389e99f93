"""What is told of webhooks as a whole: why some were refused, and that none is missing."""

from typing import ClassVar

from marshmallow import fields

from payments.webhooks.read_refusals import ADVICE
from web.schemas.fields import MomentField, ShownAmountField, StrictSchema, TextField
from web.schemas.ops import MomentInput
from web.schemas.secrets import Version


class RefusalsQuery(StrictSchema):
    """Of which hours: of the last day unless said otherwise."""

    from_at = MomentInput(data_key="from")
    to_at = MomentInput(data_key="to")


class RefusalHour(StrictSchema):
    """How many webhooks of a provider were refused for a reason in an hour."""

    hour = MomentField()
    provider = fields.String()
    reason = fields.String()
    count = fields.Integer()


class RefusalTotal(StrictSchema):
    """How many were refused for a reason in all, and what that means."""

    provider = fields.String()
    reason = fields.String()
    count = fields.Integer()
    advice = fields.String()


class Refusals(StrictSchema):
    """What was refused, and which versions of our secrets webhooks are still signed with."""

    example: ClassVar = {
        "from": "2026-11-21T12:00:00Z",
        "to": "2026-11-22T12:00:00Z",
        "totals": [
            {
                "provider": "stripe",
                "reason": "wrong_secret",
                "count": 12,
                "advice": ADVICE["wrong_secret"],
            }
        ],
        "hours": [
            {
                "hour": "2026-11-22T11:00:00Z",
                "provider": "stripe",
                "reason": "wrong_secret",
                "count": 12,
            }
        ],
        "secrets": [],
    }

    from_at = MomentField(data_key="from")
    to_at = MomentField(data_key="to")
    totals = fields.List(fields.Nested(RefusalTotal))
    hours = fields.List(fields.Nested(RefusalHour))
    secrets = fields.List(fields.Nested(Version))


class ProofQuery(StrictSchema):
    """Of which provider's events, by when they happened: of the last day unless said otherwise."""

    provider = TextField(load_default="stripe", longest=50)
    from_at = MomentInput(data_key="from")
    to_at = MomentInput(data_key="to")


class ProofFault(StrictSchema):
    """What is not as it must be.

    `problem`: missing, waits, dead, unreadable, not_listed, not_applied, applied_twice,
    amount_differs.
    """

    problem = fields.String()
    event_id = fields.String(allow_none=True)
    what = fields.String()
    payment_id = fields.String(allow_none=True)
    detail = fields.String()


class ProofMoney(StrictSchema):
    """What events told of a kind of movement, and what the ledger has; what went out is below 0."""

    what = fields.String()
    currency = fields.String()
    told = ShownAmountField()
    booked = ShownAmountField()


class ProofStates(StrictSchema):
    """How many of the events in the inbox are in each state."""

    new = fields.Integer(dump_default=0)
    done = fields.Integer(dump_default=0)
    ignored = fields.Integer(dump_default=0)
    dead = fields.Integer(dump_default=0)
    discarded = fields.Integer(dump_default=0)


class Proof(StrictSchema):
    """A provider's events against inbox and ledger; `proven` when there are no faults."""

    example: ClassVar = {
        "provider": "stripe",
        "from": "2026-11-22T08:00:00Z",
        "to": "2026-11-22T12:00:00Z",
        "proven": True,
        "listed": 40,
        "in_inbox": 40,
        "states": {"new": 0, "done": 25, "ignored": 15, "dead": 0, "discarded": 0},
        "missing": 0,
        "unlisted": 0,
        "effects": 11,
        "applied_once": 11,
        "applied_twice": 0,
        "not_applied": 0,
        "differing": 0,
        "money": [{"what": "charge", "currency": "USD", "told": "135000", "booked": "135000"}],
        "faults": [],
        "more_faults": 0,
    }

    provider = fields.String()
    from_at = MomentField(data_key="from")
    to_at = MomentField(data_key="to")
    proven = fields.Boolean()
    listed = fields.Integer(
        allow_none=True, metadata={"description": "null: this provider has no list of events."}
    )
    in_inbox = fields.Integer()
    states = fields.Nested(ProofStates)
    missing = fields.Integer()
    unlisted = fields.Integer()
    effects = fields.Integer(metadata={"description": "Movements of money that events told of."})
    applied_once = fields.Integer()
    applied_twice = fields.Integer()
    not_applied = fields.Integer()
    differing = fields.Integer()
    money = fields.List(fields.Nested(ProofMoney))
    faults = fields.List(fields.Nested(ProofFault), metadata={"description": "The first hundred."})
    more_faults = fields.Integer()
