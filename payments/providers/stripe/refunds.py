"""Refunds at Stripe: made under a key of ours, and found again by the id we gave them."""

from collections.abc import Mapping
from typing import Any, Literal

from stripe import StripeClient
from stripe.params import RefundCreateParams

from payments.providers.stripe.named_errors import named_errors

Reason = Literal["duplicate", "fraudulent", "requested_by_customer"]
_LIST_LIMIT = 100  # of one intent; Stripe's largest page


def create(
    client: StripeClient,
    *,
    provider_ref: str,
    amount: int,
    reason: Reason | None,
    metadata: Mapping[str, str],
    idempotency_key: str,
) -> Mapping[str, Any]:
    """Give back `amount` minor units of an intent, and return the refund as Stripe shows it.

    The same idempotency key again gives the same refund.

    Raises:
        InvalidRequestError, ConflictError: Stripe refused; nothing went back.
        OutcomeUnknownError: no answer, or none that says what happened.
    """
    params: RefundCreateParams = {
        "payment_intent": provider_ref,
        "amount": amount,
        "metadata": dict(metadata),
    }
    if reason is not None:
        params["reason"] = reason
    with named_errors():
        refund = client.v1.refunds.create(params, {"idempotency_key": idempotency_key})
    return refund.to_dict()


def find(client: StripeClient, *, provider_ref: str, refund_id: str) -> Mapping[str, Any] | None:
    """Return the refund of an intent that carries our id; None when there is none.

    Raises:
        ConflictError: there is no such intent.
        OutcomeUnknownError: no answer.
    """
    with named_errors():
        page = client.v1.refunds.list({"payment_intent": provider_ref, "limit": _LIST_LIMIT})
        refunds = list(page.auto_paging_iter())
    for refund in refunds:
        shown: Mapping[str, Any] = refund.to_dict()
        if (shown.get("metadata") or {}).get("refund_id") == refund_id:
            return shown
    return None
