"""Refunds at GoCardless: made once, found again by the id we gave them.

https://developer.gocardless.com/api-reference/#core-endpoints-refunds
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from payments.providers.facts import RefundReported, RefundStatus
from payments.providers.gocardless import metadata
from payments.providers.gocardless.answers import amount, as_documented, moment, text
from payments.providers.gocardless.client import Wire, under
from payments.providers.gocardless.looks import payment_of
from payments.providers.gocardless.metadata import Due
from payments.providers.gocardless.named_errors import named_errors
from payments.providers.gocardless.payment_facts import PROVIDER
from payments.providers.ports import RefundRequest

_PAGE = 500  # GoCardless' largest
_BY_STATUS = {
    "created": RefundStatus.PENDING,
    "pending_submission": RefundStatus.PENDING,
    "submitted": RefundStatus.PENDING,
    "paid": RefundStatus.SUCCEEDED,
    "cancelled": RefundStatus.CANCELED,
    "bounced": RefundStatus.FAILED,
    "funds_returned": RefundStatus.FAILED,
}
_BY_ACTION = {
    "created": RefundStatus.PENDING,
    "paid": RefundStatus.SUCCEEDED,
    "refund_settled": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "funds_returned": RefundStatus.FAILED,  # the payee's bank sent it back
}


def create(wire: Wire, request: RefundRequest) -> RefundReported:
    """Give back a part of a payment, or all of it.

    GoCardless wants to be told what will have been refunded altogether, so that two processes do
    not refund unaware of each other. Repeated, that sum would be another: hence the look before.
    No `reference` is sent: GoCardless refuses it for Faster Payments.

    Raises:
        ConflictError, InvalidRequestError: refused; nothing went back.
        OutcomeUnknownError: no clear answer, or another refund came between.
    """
    payment_ref = payment_of(wire, request.provider_ref)
    found = _find(wire, request, payment_ref)
    if found is not None:
        return found
    with named_errors():
        payment = wire.payments.get(payment_ref).attributes
    with as_documented():
        refunded = amount(payment["amount_refunded"])
    params = {
        "amount": request.amount,
        "total_amount_confirmation": refunded + request.amount,
        "links": {"payment": payment_ref},
        "metadata": metadata.of_refund(
            refund_id=request.refund_id,
            payment_id=request.payment_id,
            due=Due(request.amount, request.currency),
        ),
    }
    with named_errors():
        made = wire.refunds.create(params=params, **under(request.idempotency_key)).attributes
    return _seen(made, request)


def find(wire: Wire, request: RefundRequest) -> RefundReported | None:
    """Return the refund that carries our id; None when there is none.

    Raises:
        UnexpectedStateError: nothing was paid, so that there is nothing to refund.
        OutcomeUnknownError: no answer.
    """
    return _find(wire, request, payment_of(wire, request.provider_ref))


def refund_event(event: Mapping[str, Any], *, occurred_at: dt.datetime) -> RefundReported | None:
    """Return what an event tells of a refund; None when it changes nothing.

    Raises:
        KeyError, TypeError, ValueError: it has not the documented form, or tells of a refund that
            was not made here: which payment it gives back a person must find out.
    """
    status = _BY_ACTION.get(event["action"])
    if status is None:
        return None
    ours, refund_ref = event["resource_metadata"], text(event["links"]["refund"])
    payment_id = metadata.payment_id_in(ours)
    if payment_id is None:
        raise ValueError(f"the refund {refund_ref} was not made here")
    due = metadata.due_in(ours)
    cause = (event.get("details") or {}).get("cause") or event["action"]
    return RefundReported(
        provider=PROVIDER,
        provider_ref=None,
        payment_id=payment_id,
        occurred_at=occurred_at,
        refund_ref=refund_ref,
        refund_id=text(ours["refund_id"]),
        amount=due.amount,
        currency=due.currency,
        status=status,
        failure_code=cause if status is RefundStatus.FAILED else None,
    )


def _find(wire: Wire, request: RefundRequest, payment_ref: str) -> RefundReported | None:
    with named_errors():
        listed = wire.refunds.all(params={"payment": payment_ref, "limit": _PAGE})
        refunds = [refund.attributes for refund in listed]
    for refund in refunds:
        if (refund.get("metadata") or {}).get("refund_id") == request.refund_id:
            return _seen(refund, request)
    return None


def _seen(refund: Mapping[str, Any], request: RefundRequest) -> RefundReported:
    with as_documented():
        status = text(refund["status"])
        return RefundReported(
            provider=PROVIDER,
            provider_ref=request.provider_ref,
            payment_id=request.payment_id,
            occurred_at=moment(refund["created_at"]),
            refund_ref=text(refund["id"]),
            refund_id=request.refund_id,
            amount=amount(refund["amount"]),
            currency=text(refund["currency"]),
            status=_BY_STATUS[status],
            failure_code=status if _BY_STATUS[status] is RefundStatus.FAILED else None,
        )
