"""Refunds at Stripe: made under a key of ours, and found again by the id we gave them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from stripe import StripeClient
from stripe.params import RefundCreateParams

from payments.providers.facts import RefundReported
from payments.providers.ports import RefundRequest
from payments.providers.stripe.giveback_facts import refund_fact
from payments.providers.stripe.named_errors import named_errors

_LIST_LIMIT = 100  # of one intent; Stripe's largest page


class StripeRefunds:
    """Gives card money back: `RefundPort`."""

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    def create_refund(self, request: RefundRequest) -> RefundReported:
        """Give back `amount` minor units of an intent; the same key again gives the same refund.

        Raises:
            InvalidRequestError, ConflictError: Stripe refused; nothing went back.
            OutcomeUnknownError: no answer, or none that says what happened.
        """
        params: RefundCreateParams = {
            "payment_intent": request.provider_ref,
            "amount": request.amount,
            "metadata": {"refund_id": request.refund_id, "payment_id": request.payment_id},
        }
        if request.reason is not None:
            params["reason"] = request.reason
        with named_errors():
            refund = self._client.v1.refunds.create(
                params, {"idempotency_key": request.idempotency_key}
            )
        return _reported(refund.to_dict())

    def find_refund(self, request: RefundRequest) -> RefundReported | None:
        """Return the refund of the intent that carries our id; None when there is none.

        Raises:
            ConflictError: there is no such intent.
            OutcomeUnknownError: no answer.
        """
        with named_errors():
            page = self._client.v1.refunds.list(
                {"payment_intent": request.provider_ref, "limit": _LIST_LIMIT}
            )
            refunds = list(page.auto_paging_iter())
        for refund in refunds:
            shown: Mapping[str, Any] = refund.to_dict()
            if (shown.get("metadata") or {}).get("refund_id") == request.refund_id:
                return _reported(shown)
        return None


def _reported(shown: Mapping[str, Any]) -> RefundReported:
    made_at = dt.datetime.fromtimestamp(shown["created"], tz=dt.UTC)
    return refund_fact(shown, occurred_at=made_at)
