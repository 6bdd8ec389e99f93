"""The life of a payment as a pure state machine: where it stands, and a fact, give where it stands.

Facts arrive late, twice and in any order. Each status has a precedence, and a payment stands at
the highest of all it was told: so it never moves backwards, and every order of the same facts
ends in the same place.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from payments.providers.facts import (
    ActionRequired,
    Authorized,
    Canceled,
    ChargeSucceeded,
    DisputeReported,
    DisputeStatus,
    Expired,
    Fact,
    PaymentFailed,
    Processing,
    RefundReported,
    RefundStatus,
)


class Status(StrEnum):
    """What a payment's status may be."""

    CREATED = "created"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


@dataclass(frozen=True)
class Stage:
    """Where a payment stands, and the moment of the fact that put it there.

    `authorized`: it is processing because its money is reserved on the card, for us to capture.
    """

    status: Status
    since: dt.datetime
    authorized: bool = False


GivebackFact = RefundReported | DisputeReported
"""What is told about money going back: these follow a charge and lead to no stage themselves."""

LEADS_TO: dict[type[Fact], Status] = {
    ActionRequired: Status.REQUIRES_ACTION,
    Authorized: Status.PROCESSING,
    Processing: Status.PROCESSING,
    PaymentFailed: Status.FAILED,
    Canceled: Status.CANCELED,
    Expired: Status.EXPIRED,
    ChargeSucceeded: Status.SUCCEEDED,
}

# Attempts may follow each other, a failed one by another card: among them the newest fact counts,
# and of the same second the later in this list.
_ATTEMPT = (Status.REQUIRES_ACTION, Status.PROCESSING, Status.FAILED)

# Beyond attempts only finality counts: money that was taken outweighs everything said before.
_AUTHORIZED = 2
_FINALITY: dict[Status, int] = {
    Status.CREATED: 0,
    **dict.fromkeys(_ATTEMPT, 1),
    Status.EXPIRED: 3,
    Status.CANCELED: 4,
    Status.SUCCEEDED: 5,
    Status.PARTIALLY_REFUNDED: 6,
    Status.REFUNDED: 6,
    Status.DISPUTED: 6,
}

CHARGED = frozenset(status for status in Status if _FINALITY[status] >= _FINALITY[Status.SUCCEEDED])
CLOSED = frozenset({Status.EXPIRED, Status.CANCELED})
"""It ended unpaid: money that comes later is too late."""

FINAL = frozenset(status for status in Status if _FINALITY[status] >= _FINALITY[Status.EXPIRED])
"""There is nothing more to ask the provider about the attempt to pay."""


def _is_edge(current: Status, told: Status) -> bool:
    if current in _ATTEMPT and told in _ATTEMPT:
        return True
    if current in CHARGED and told in CHARGED:
        return current is not told
    is_told = told in LEADS_TO.values()  # what is given back follows a charge
    return is_told and _FINALITY[told] > _FINALITY[current]


EDGES = frozenset(
    (current, told) for current in Status for told in Status if _is_edge(current, told)
)
"""Every step a payment by card or bank may make; the database refuses any other, too."""

_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


def advance(stage: Stage, fact: Fact) -> Stage:
    """Return where the payment stands after `fact`: `stage` itself when it changes nothing."""
    told = Stage(LEADS_TO[type(fact)], fact.occurred_at, authorized=isinstance(fact, Authorized))
    return max(stage, told, key=_precedence)


def _precedence(stage: Stage) -> tuple[int, dt.datetime, int]:
    if stage.authorized:
        return _AUTHORIZED, _LONG_AGO, 0
    if stage.status in _ATTEMPT:
        return _FINALITY[stage.status], stage.since, _ATTEMPT.index(stage.status)
    return _FINALITY[stage.status], _LONG_AGO, 0


# ---- after the charge --------------------------------------------------------------------------

_REFUND_FINALITY = {
    RefundStatus.PENDING: 0,
    RefundStatus.SUCCEEDED: 1,
    RefundStatus.CANCELED: 2,
    RefundStatus.FAILED: 2,  # also of one that had succeeded: the buyer's bank sent it back
}
_DISPUTE_FINALITY = {
    DisputeStatus.WARNING: 0,
    DisputeStatus.WARNING_CLOSED: 1,
    DisputeStatus.OPEN: 2,
    DisputeStatus.WON: 3,
    DisputeStatus.LOST: 3,
}


def refund_moves(current: RefundStatus, told: RefundStatus) -> bool:
    """Whether a refund goes on to the status told; it never goes back."""
    return _REFUND_FINALITY[told] > _REFUND_FINALITY[current]


def dispute_moves(current: DisputeStatus, told: DisputeStatus) -> bool:
    """Whether a dispute goes on to the status told; it never goes back."""
    return _DISPUTE_FINALITY[told] > _DISPUTE_FINALITY[current]


def status_after_charge(*, captured: int, refunded: int, disputed: bool) -> Status:
    """Return the status of a charged payment: what of the money is still there to be released."""
    if disputed:
        return Status.DISPUTED
    if refunded == 0:
        return Status.SUCCEEDED
    return Status.REFUNDED if refunded == captured else Status.PARTIALLY_REFUNDED
