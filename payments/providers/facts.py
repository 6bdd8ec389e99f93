"""What providers tell us, in our own words: every provider translates into these facts.

A fact names a payment, says what happened to it and when, and is never changed afterwards.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class MalformedEventError(Exception):
    """An event of a kind we act on does not have the form its provider documents."""


@dataclass(frozen=True, kw_only=True)
class PaymentFact:
    """Which payment: by the provider's own id, by ours, or both; and when it happened.

    `provider_status` is the provider's own word for it, where callers are shown one.
    """

    provider: str
    provider_ref: str | None
    payment_id: str | None
    occurred_at: dt.datetime
    provider_status: str | None = None


@dataclass(frozen=True, kw_only=True)
class ActionRequired(PaymentFact):
    """The payer must do something first, such as confirm with their bank (3-D Secure).

    `next_action` is what, as callers are shown it: `{"type": "use_stripe_sdk"}` or
    `{"type": "redirect_to_url", "url": …}`.
    """

    next_action: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Processing(PaymentFact):
    """The provider works on it; nothing is asked of the payer."""


@dataclass(frozen=True, kw_only=True)
class Authorized(PaymentFact):
    """The whole amount is reserved on the card, to be captured by us, in part or whole."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an attempt failed: a code of ours, a message fit for the payer, and what to do next.

    `stripe_code` is Stripe's code where it may be shown.
    """

    code: str
    message: str
    next_step: str
    stripe_code: str | None = None


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(PaymentFact):
    """An attempt failed and no money moved; the payer may try again.

    `takes_back`: should the provider have told before that the money was taken, it takes it back.
    """

    failure: Failure
    takes_back: bool = False


@dataclass(frozen=True, kw_only=True)
class Canceled(PaymentFact):
    """The payment was given up and can no longer succeed."""


@dataclass(frozen=True, kw_only=True)
class ChargeSucceeded(PaymentFact):
    """The money was taken: `amount` in minor units of `currency`."""

    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class MoneyReceived(PaymentFact):
    """Money arrived at our bank for the payment, whatever the amount: a bank's word, not a card's.

    `source` and `receipt_ref` name the movement, once for ever: the provider and its id of it, or
    `statement` and the statement line. `amount` in minor units of `currency`.
    """

    source: str
    receipt_ref: str
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class Expired(PaymentFact):
    """The payer let the time for paying pass; the payment can no longer succeed."""


class RefundStatus(StrEnum):
    """Where a refund stands; `failed` and `canceled` may follow `succeeded`, and are final."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, kw_only=True)
class RefundReported(PaymentFact):
    """Where a refund of the payment stands: the provider's id of it, and ours when we made it."""

    refund_ref: str
    refund_id: str | None
    amount: int
    currency: str
    status: RefundStatus
    failure_code: str | None = None


class DisputeStatus(StrEnum):
    """Where a dispute stands: a `warning` moves no money, `open` does; `won`, `lost` are final."""

    WARNING = "warning"
    WARNING_CLOSED = "warning_closed"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class DisputeReported(PaymentFact):
    """Where a dispute about the payment stands; `amount` in minor units of `currency`."""

    dispute_ref: str
    amount: int
    currency: str
    status: DisputeStatus
    reason: str
    evidence_due_by: dt.datetime | None = None


class PayoutStatus(StrEnum):
    """Where a payout to a seller stands; money that was `paid` may yet come back."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"


@dataclass(frozen=True)
class MoneyReturned:
    """Money of a payout that came back: the provider's id of it, and how many minor units."""

    ref: str
    amount: int
    occurred_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class PayoutReported:
    """Where a payout to a seller stands: no payment's fact, and not of the union below.

    `payout_id`, `attempt` and `order_id` are ours, as we wrote them beside it; `amount` in minor
    units of `currency`. `returns` are all that came back so far, as far as the provider shows them.
    """

    provider: str
    payout_ref: str
    payout_id: str | None
    attempt: int | None
    amount: int
    currency: str
    status: PayoutStatus
    occurred_at: dt.datetime
    failure_code: str | None = None
    source_ref: str | None = None
    order_id: str | None = None
    returns: tuple[MoneyReturned, ...] = ()


Fact = (
    ActionRequired
    | Authorized
    | Processing
    | PaymentFailed
    | Canceled
    | Expired
    | ChargeSucceeded
    | MoneyReceived
    | RefundReported
    | DisputeReported
)

Told = Fact | PayoutReported
"""What an event of a provider may tell."""
