"""Refunds at TrueLayer: made under a key of ours, and found again by the id we gave them.

A refund takes its time: it is `pending`, `authorized` (sent), then `executed` or `failed`, and may
yet come back after `executed`. https://docs.truelayer.com/docs/payout-and-refund-statuses
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from payments.errors import ConflictError
from payments.providers.facts import RefundReported, RefundStatus
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import RefundRequest
from payments.providers.truelayer import metadata
from payments.providers.truelayer.metadata import Due
from payments.providers.truelayer.payment_facts import PROVIDER
from payments.providers.truelayer.shown_values import metadata_of, minor_units, moment, text
from payments.providers.truelayer.wire import Wire

STATUSES = {
    "pending": RefundStatus.PENDING,
    "authorized": RefundStatus.PENDING,
    "executed": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
}
_UNREADABLE = "TrueLayer's refund is not readable."


def create(wire: Wire, request: RefundRequest) -> RefundReported:
    """Give money back to the account it came from, once for the request's key.

    Raises:
        InvalidRequestError, ConflictError: TrueLayer refused; nothing went back.
        OutcomeUnknownError: no clear answer.
    """
    due = Due(request.amount, request.currency)
    made = wire.post(
        "payments",
        request.provider_ref,
        "refunds",
        idempotency_key=request.idempotency_key,
        body={
            "amount_in_minor": request.amount,
            "reference": request.reference,
            "metadata": metadata.of_refund(
                refund_id=request.refund_id, payment_id=request.payment_id, due=due
            ),
        },
    )
    try:
        refund_ref = text(made["id"])
    except (KeyError, TypeError, ValueError):
        raise OutcomeUnknownError(_UNREADABLE) from None
    try:
        return _reported(
            wire.get("payments", request.provider_ref, "refunds", refund_ref), request.provider_ref
        )
    except ConflictError as error:  # it is made, whatever is said when we look at it
        raise OutcomeUnknownError(error.detail) from error


def find(wire: Wire, request: RefundRequest) -> RefundReported | None:
    """Return the refund that carries our id; None when there is none.

    Raises:
        ConflictError: TrueLayer has no such payment.
        OutcomeUnknownError: no answer.
    """
    for refund in _listed(wire, request.provider_ref):
        if metadata_of(refund).get("refund_id") == request.refund_id:
            return _reported(refund, request.provider_ref)
    return None


def list_all(wire: Wire, payment_ref: str) -> list[RefundReported]:
    """Return every refund of a payment.

    Raises:
        ConflictError: TrueLayer has no such payment.
        OutcomeUnknownError: no answer.
    """
    return [_reported(refund, payment_ref) for refund in _listed(wire, payment_ref)]


def _listed(wire: Wire, payment_ref: str) -> list[Mapping[str, Any]]:
    listed = wire.get("payments", payment_ref, "refunds").get("items")
    if not isinstance(listed, list):
        raise OutcomeUnknownError(_UNREADABLE)
    return [refund for refund in listed if isinstance(refund, Mapping)]


def refund_fact(
    told: Mapping[str, Any],
    status: str,
    *,
    refund_ref: str,
    payment_ref: str,
    due: Due,
    occurred_at: dt.datetime,
) -> RefundReported:
    """Return what a refund, or an event about one, tells.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    written = metadata_of(told)
    refund_id, reason = written.get("refund_id"), told.get("failure_reason")
    return RefundReported(
        provider=PROVIDER,
        provider_ref=payment_ref,
        payment_id=metadata.payment_id_in(written),
        occurred_at=occurred_at,
        refund_ref=refund_ref,
        refund_id=None if refund_id is None else text(refund_id),
        amount=due.amount,
        currency=due.currency,
        status=STATUSES[status],
        failure_code=None if reason is None else text(reason),
    )


def _reported(refund: Mapping[str, Any], payment_ref: str) -> RefundReported:
    try:
        status = text(refund["status"])
        return refund_fact(
            refund,
            status,
            refund_ref=text(refund["id"]),
            payment_ref=payment_ref,
            due=Due(minor_units(refund["amount_in_minor"]), text(refund["currency"])),
            occurred_at=moment(refund.get(f"{status}_at") or refund["created_at"]),
        )
    except (KeyError, TypeError, ValueError):
        raise OutcomeUnknownError(_UNREADABLE) from None
