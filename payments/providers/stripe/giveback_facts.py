"""What Stripe's refunds and disputes say about a payment, told by a webhook or by an answer.

Statuses: https://docs.stripe.com/api/refunds/object and https://docs.stripe.com/api/disputes/object
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from payments.providers.facts import (
    DisputeReported,
    DisputeStatus,
    RefundReported,
    RefundStatus,
)

PROVIDER = "stripe"

_REFUND_STATUSES = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.CANCELED,
}
_DISPUTE_STATUSES = {
    "warning_needs_response": DisputeStatus.WARNING,
    "warning_under_review": DisputeStatus.WARNING,
    "warning_closed": DisputeStatus.WARNING_CLOSED,
    "prevented": DisputeStatus.WARNING_CLOSED,
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}


def refund_fact(refund: Mapping[str, Any], *, occurred_at: dt.datetime) -> RefundReported:
    """Return what a refund says about its payment.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    metadata = refund.get("metadata") or {}
    return RefundReported(
        provider=PROVIDER,
        provider_ref=refund["payment_intent"],
        payment_id=metadata.get("payment_id"),
        occurred_at=occurred_at,
        refund_ref=refund["id"],
        refund_id=metadata.get("refund_id"),
        amount=_amount(refund),
        currency=refund["currency"].upper(),
        status=_REFUND_STATUSES[refund["status"]],
        failure_code=refund.get("failure_reason"),
    )


def dispute_fact(dispute: Mapping[str, Any], *, occurred_at: dt.datetime) -> DisputeReported:
    """Return what a dispute says about its payment.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    due_by = (dispute.get("evidence_details") or {}).get("due_by")
    return DisputeReported(
        provider=PROVIDER,
        provider_ref=dispute["payment_intent"],
        payment_id=None,
        occurred_at=occurred_at,
        dispute_ref=dispute["id"],
        amount=_amount(dispute),
        currency=dispute["currency"].upper(),
        status=_DISPUTE_STATUSES[dispute["status"]],
        reason=dispute["reason"],
        evidence_due_by=None if due_by is None else dt.datetime.fromtimestamp(due_by, tz=dt.UTC),
    )


def _amount(resource: Mapping[str, Any]) -> int:
    amount = resource["amount"]
    if type(amount) is not int or amount <= 0:
        raise TypeError("the amount is not a positive int")
    return amount
