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
    Expired,
    Fact,
    PaymentFailed,
    Processing,
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
    """Where a payment stands, and the moment of the fact that put it there."""

    status: Status
    since: dt.datetime


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
_FINALITY: dict[Status, int] = {
    Status.CREATED: 0,
    **dict.fromkeys(_ATTEMPT, 1),
    Status.EXPIRED: 2,
    Status.CANCELED: 3,
    Status.SUCCEEDED: 4,
    Status.PARTIALLY_REFUNDED: 5,
    Status.REFUNDED: 5,
    Status.DISPUTED: 5,
}

CHARGED = frozenset(status for status in Status if _FINALITY[status] >= _FINALITY[Status.SUCCEEDED])
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


def advance(stage: Stage, fact: Fact) -> Stage:
    """Return where the payment stands after `fact`: `stage` itself when it changes nothing."""
    told = Stage(LEADS_TO[type(fact)], fact.occurred_at)
    return max(stage, told, key=_precedence)


def _precedence(stage: Stage) -> tuple[int, dt.datetime, int]:
    if stage.status in _ATTEMPT:
        return _FINALITY[stage.status], stage.since, _ATTEMPT.index(stage.status)
    return _FINALITY[stage.status], _LONG_AGO, 0
