"""What happened to a payment or its billing request, as facts: told by an event, or seen.

A payment's status has the name of the event that led to it, so both are translated here. The
actions: https://developer.gocardless.com/api-reference/#event-types. `confirmed` is when GoCardless
has the money; `paid_out` sends the same money on to our account.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from payments.providers.facts import (
    Canceled,
    DisputeReported,
    DisputeStatus,
    Fact,
    MoneyReceived,
    PaymentFailed,
    Processing,
)
from payments.providers.gocardless.failures import DENIED, FAILED, NOT_AUTHORIZED, explain
from payments.providers.gocardless.metadata import Due

PROVIDER = "gocardless"

MONEY_TOLD = frozenset({"confirmed", "paid_out"})

_UNDER_WAY = {
    "created": "pending_submission",
    "customer_approval_granted": "pending_submission",
    "resubmission_requested": "pending_submission",
    "pending_customer_approval": "pending_customer_approval",
    "pending_submission": "pending_submission",
    "submitted": "submitted",
}
_DISPUTES = {
    "charged_back": DisputeStatus.OPEN,
    "chargeback_cancelled": DisputeStatus.WON,
    "chargeback_settled": DisputeStatus.LOST,  # taken out of a payout
}
# Not bank_authorisation_expired: it may tell of one that was left for another bank's.
_AUTHORIZATION_FAILURES = {
    "bank_authorisation_denied": DENIED,
    "bank_authorisation_failed": NOT_AUTHORIZED,
    "failed": FAILED,
}
_AUTHORIZED = {
    "bank_authorisation_authorised": "ready_to_fulfil",
    "ready_to_fulfil": "ready_to_fulfil",
    "fulfilling": "fulfilling",
    "fulfilled": "fulfilled",
}


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Which payment: by the billing request it came from where that is known, and by our id."""

    billing_request: str | None
    payment_id: str | None

    def at(self, occurred_at: dt.datetime, status: str) -> dict[str, Any]:
        """Return the fields every fact has."""
        return {
            "provider": PROVIDER,
            "provider_ref": self.billing_request,
            "payment_id": self.payment_id,
            "occurred_at": occurred_at,
            "provider_status": status,
        }


def payment_fact(  # noqa: PLR0911 - one line for each kind of thing that can happen
    whose: Whose,
    action: str,
    *,
    payment_ref: str,
    due: Due,
    cause: str | None,
    occurred_at: dt.datetime,
) -> Fact | None:
    """Return what an action or status of a payment (`PM…`) tells; None when it changes nothing."""
    if action in _UNDER_WAY:
        return Processing(**whose.at(occurred_at, _UNDER_WAY[action]))
    which = whose.at(occurred_at, action)
    if action in _DISPUTES:
        return DisputeReported(
            **which,
            dispute_ref=f"{payment_ref}:chargeback",
            amount=due.amount,
            currency=due.currency,
            status=_DISPUTES[action],
            reason=cause or "charged_back",
        )
    if action in MONEY_TOLD:
        return MoneyReceived(
            **which,
            source=PROVIDER,
            receipt_ref=payment_ref,
            amount=due.amount,
            currency=due.currency,
        )
    match action:
        case "cancelled":
            return Canceled(**which)
        case "customer_approval_denied":
            return PaymentFailed(**which, failure=DENIED)
        case "failed" | "late_failure_settled":  # of money told before: it is taken back
            return PaymentFailed(**which, failure=explain(cause), takes_back=True)
        case _:
            return None


def request_fact(whose: Whose, action: str, *, occurred_at: dt.datetime) -> Fact | None:
    """Return what an action or status of a billing request tells; None: nothing new."""
    if action in _AUTHORIZED:
        return Processing(**whose.at(occurred_at, _AUTHORIZED[action]))
    if action in _AUTHORIZATION_FAILURES:
        failure = _AUTHORIZATION_FAILURES[action]
        return PaymentFailed(**whose.at(occurred_at, action), failure=failure)
    return Canceled(**whose.at(occurred_at, action)) if action == "cancelled" else None
