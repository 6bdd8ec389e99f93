"""What providers tell us, in our own words: every provider translates into these facts.

A fact names a payment, says what happened to it and when, and is never changed afterwards.
"""

import datetime as dt
from dataclasses import dataclass


class MalformedEventError(Exception):
    """An event of a kind we act on does not have the form its provider documents."""


@dataclass(frozen=True, kw_only=True)
class PaymentFact:
    """Which payment: by the provider's own id, by ours, or both; and when it happened."""

    provider: str
    provider_ref: str | None
    payment_id: str | None
    occurred_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class ActionRequired(PaymentFact):
    """The payer must do something first, such as confirm with their bank (3-D Secure)."""


@dataclass(frozen=True, kw_only=True)
class Processing(PaymentFact):
    """The provider works on it; nothing is asked of the payer."""


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
    """An attempt failed and no money moved; the payer may try again."""

    failure: Failure


@dataclass(frozen=True, kw_only=True)
class Canceled(PaymentFact):
    """The payment was given up and can no longer succeed."""


@dataclass(frozen=True, kw_only=True)
class ChargeSucceeded(PaymentFact):
    """The money was taken: `amount` in minor units of `currency`."""

    amount: int
    currency: str


Fact = ActionRequired | Processing | PaymentFailed | Canceled | ChargeSucceeded
