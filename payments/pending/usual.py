"""How long things usually wait, why they may wait longer, and what moves them, as tables."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

_S = dt.timedelta(seconds=1)
_M = dt.timedelta(minutes=1)
_H = dt.timedelta(hours=1)

KINDS = ("payment", "refund", "payout", "release", "escrow", "transaction", "call", "event", "job")


@dataclass(frozen=True)
class Wait:
    """A state something may be in for `usual` long; `reason` says why it may be for longer."""

    usual: dt.timedelta
    reason: str


PAYMENTS: Mapping[tuple[str, str], Wait] = {
    ("card", "created"): Wait(30 * _M, "payer_left"),
    ("card", "requires_action"): Wait(30 * _M, "payer_must_confirm"),
    ("card", "processing"): Wait(10 * _M, "provider_silent"),
    ("bank", "created"): Wait(1 * _H, "payer_left"),
    ("bank", "requires_action"): Wait(1 * _H, "payer_must_confirm"),
    ("bank", "processing"): Wait(2 * _H, "provider_silent"),
}
"""By rail and status. What is paid on chain waits as its escrow."""

AUTHORIZED = Wait(72 * _H, "awaits_capture")
"""Money reserved on a card: Stripe gives it back after seven days."""

REFUNDS: Mapping[str, Wait] = {
    "card": Wait(1 * _H, "provider_under_way"),
    "bank": Wait(24 * _H, "provider_under_way"),
    "crypto": Wait(30 * _M, "chain_under_way"),
}
PAYOUTS: Mapping[str, Wait] = {
    "waiting": Wait(24 * _H, "no_destination"),
    "queued": Wait(10 * _M, "not_sent"),
    "intent": Wait(2 * _M, "outcome_unknown"),
    "unknown": Wait(2 * _M, "outcome_unknown"),
    "pending": Wait(24 * _H, "provider_under_way"),
}
RELEASES: Mapping[str, Wait] = {
    "requested": Wait(4 * _H, "second_person"),
    "approved": Wait(5 * _M, "not_sent"),
    "signed": Wait(5 * _M, "chain_under_way"),
    "broadcast": Wait(15 * _M, "chain_under_way"),
    "mined": Wait(1 * _H, "chain_under_way"),
}
ESCROWS: Mapping[str, Wait] = {
    "deploying": Wait(15 * _M, "chain_under_way"),
    "deposit_seen": Wait(1 * _H, "chain_under_way"),
    "disputed": Wait(72 * _H, "arbiter"),
}
TRANSACTIONS: Mapping[str, Wait] = {
    "queued": Wait(2 * _M, "not_sent"),
    "signed": Wait(2 * _M, "not_sent"),
    "broadcast": Wait(15 * _M, "chain_under_way"),
    "mined": Wait(1 * _H, "chain_under_way"),
}
CALL = Wait(2 * _M, "outcome_unknown")
NEW_EVENT = Wait(2 * _M, "worker_silent")
REFUSED_EVENT = Wait(0 * _S, "event_refused")
NEW_JOB = Wait(2 * _M, "worker_silent")
FAILED_JOB = Wait(0 * _S, "job_failed")

MOVES: Mapping[str, str] = {
    "payer_left": "The payer opens the order again, or it is given up by itself. Ask the provider"
    " in case it knows better.",
    "payer_must_confirm": "The payer confirms with their bank. Ask the provider in case they have.",
    "provider_silent": "The provider tells how it ended: ask it.",
    "provider_under_way": "The provider works on it: ask it; after that, look at its own page.",
    "awaits_capture": "Capture it, or cancel it: Stripe gives the money back after seven days.",
    "outcome_unknown": "The provider gave no answer; it is looked up by itself, ever more rarely."
    " Ask it now.",
    "no_destination": "The seller gives a payout destination, and somebody approves it.",
    "second_person": "A second person approves or cancels the release.",
    "frozen": "A freeze is lifted, by two.",
    "not_sent": "A worker sends it: look whether one runs, and whether the provider, chain or"
    " signer answers.",
    "chain_under_way": "The chain makes blocks: look whether it is read, and at the transaction.",
    "arbiter": "The arbiter decides on the contract.",
    "worker_silent": "A worker takes it: look whether worker and relay run.",
    "event_refused": "Mend what the error says, then replay the event.",
    "job_failed": "Mend what the error says; it is tried again by itself, then it is dead.",
}
"""What moves what waits, by reason."""
