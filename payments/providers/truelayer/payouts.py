"""Payouts to sellers' bank accounts: made under a key of ours, and found again by our ids.

https://docs.truelayer.com/docs/make-a-payout-to-an-external-account. Like a refund a payout is
`pending`, `authorized` (sent), then `executed` or `failed`; an executed one may yet come back, and
is `failed` then, too.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from payments.errors import ConflictError, InvalidRequestError
from payments.providers.facts import MoneyReturned, PayoutReported, PayoutStatus
from payments.providers.outcome import (
    FundsNotThereYetError,
    OutcomeUnknownError,
    PayoutRefusedError,
)
from payments.providers.ports import PayoutRequest
from payments.providers.truelayer import merchant_account, metadata
from payments.providers.truelayer.metadata import Due
from payments.providers.truelayer.payment_facts import PROVIDER
from payments.providers.truelayer.shown_values import metadata_of, minor_units, moment, text
from payments.providers.truelayer.wire import Wire

_STATUSES = {
    "pending": PayoutStatus.PENDING,
    "authorized": PayoutStatus.PENDING,
    "executed": PayoutStatus.PAID,
    "failed": PayoutStatus.FAILED,
}
_RETURNED = "returned"
_OF_THE_DESTINATION = frozenset(
    {"blocked", "invalid_beneficiary_account", "invalid_iban", "invalid_sort_code"}
)
_UNREADABLE = "TrueLayer's payout is not readable."
_CLOCKS_DIFFER_BY = dt.timedelta(minutes=10)


def create(wire: Wire, account_id: str, request: PayoutRequest) -> PayoutReported:
    """Pay out of an account of ours to the seller's, once for the request's key.

    Raises:
        PayoutRefusedError: TrueLayer refused; nothing left.
        OutcomeUnknownError: no clear answer.
    """
    body = {
        "merchant_account_id": account_id,
        "amount_in_minor": request.amount,
        "currency": request.currency,
        "beneficiary": {
            "type": "external_account",
            "reference": request.reference,
            "account_holder_name": request.holder,
            "account_identifier": {"type": "iban", "iban": request.iban},
        },
        "metadata": metadata.of_payout(
            payout_id=request.payout_id,
            attempt=request.attempt,
            order_id=request.order_id,
            due=Due(request.amount, request.currency),
        ),
    }
    try:
        made = wire.post("payouts", idempotency_key=request.idempotency_key, body=body)
    except (ConflictError, InvalidRequestError) as error:
        raise _refusal(error.detail) from error
    try:
        payout_ref = text(made["id"])
    except (KeyError, TypeError, ValueError):
        raise OutcomeUnknownError(_UNREADABLE) from None
    try:
        return get(wire, payout_ref)
    except ConflictError as error:  # it is made, whatever is said when we look at it
        raise OutcomeUnknownError(error.detail) from error


def get(wire: Wire, payout_ref: str) -> PayoutReported:
    """Return a payout by TrueLayer's id of it.

    Raises:
        ConflictError: there is none.
        OutcomeUnknownError: no answer.
    """
    payout = wire.get("payouts", payout_ref)
    try:
        status = text(payout["status"])
        executed_at, failed_at = payout.get("executed_at"), payout.get("failed_at")
        return payout_fact(
            payout,
            status,
            payout_ref=text(payout["id"]),
            due=Due(minor_units(payout["amount_in_minor"]), text(payout["currency"])),
            executed_at=None if executed_at is None else moment(executed_at),
            occurred_at=moment(failed_at if status == "failed" else payout["created_at"]),
        )
    except (KeyError, TypeError, ValueError):
        raise OutcomeUnknownError(_UNREADABLE) from None


def find(wire: Wire, account_id: str, request: PayoutRequest) -> PayoutReported | None:
    """Return the payout among those that left our account; None when it is not there.

    TrueLayer lists no payouts. One that is still on its way is not found so, but asking for it
    again under its key tells: keys are kept for days.

    Raises:
        ConflictError: there is no such account.
        OutcomeUnknownError: no answer.
    """
    since = request.began_at - _CLOCKS_DIFFER_BY
    for moved in merchant_account.transactions(
        wire, account_id, since=since, until=request.asked_at
    ):
        if moved.kind != "payout" or moved.amount != -request.amount or moved.subject_ref is None:
            continue
        try:
            payout = get(wire, moved.subject_ref)
        except ConflictError:
            continue  # the bank's own fees are listed as payouts, too
        if (payout.payout_id, payout.attempt) == (request.payout_id, request.attempt):
            return payout
    return None


def payout_fact(
    told: Mapping[str, Any],
    status: str,
    *,
    payout_ref: str,
    due: Due,
    executed_at: dt.datetime | None,
    occurred_at: dt.datetime,
) -> PayoutReported:
    """Return what a payout, or an event about one, tells.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    written = metadata_of(told)
    payout_id, attempt = written.get("payout_id"), written.get("attempt")
    order_id = written.get("order_id")
    reason = None if told.get("failure_reason") is None else text(told["failure_reason"])
    standing = _STATUSES[status]
    returns: tuple[MoneyReturned, ...] = ()
    if standing is PayoutStatus.FAILED and (executed_at is not None or reason == _RETURNED):
        # It was paid and came back: both happened, and both are on the statement.
        standing = PayoutStatus.PAID
        returns = (MoneyReturned(payout_ref, due.amount, occurred_at),)
    return PayoutReported(
        provider=PROVIDER,
        payout_ref=payout_ref,
        payout_id=None if payout_id is None else text(payout_id),
        attempt=None if attempt is None else int(text(attempt)),
        order_id=None if order_id is None else text(order_id),
        amount=due.amount,
        currency=due.currency,
        status=standing,
        occurred_at=executed_at or occurred_at,
        failure_code="destination_refused" if reason in _OF_THE_DESTINATION else reason,
        returns=returns,
    )


def _refusal(said: str) -> PayoutRefusedError:
    """Name why TrueLayer refused, by the fields and the code in what it said."""
    if "insufficient" in said:
        return FundsNotThereYetError(said)
    if "beneficiary" in said:
        return PayoutRefusedError(said, code="destination_refused")
    return PayoutRefusedError(said)
