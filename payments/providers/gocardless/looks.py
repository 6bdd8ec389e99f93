"""What GoCardless shows of a payment now: its billing request, and what became of it."""

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from payments.errors import StrongroomError
from payments.providers.facts import ActionRequired, Canceled, Fact, MoneyReceived
from payments.providers.gocardless.answers import amount, as_documented, moment, text
from payments.providers.gocardless.client import Wire, under
from payments.providers.gocardless.metadata import Due, payment_id_in
from payments.providers.gocardless.named_errors import named_errors
from payments.providers.gocardless.payment_facts import (
    MONEY_TOLD,
    Whose,
    payment_fact,
    request_fact,
)
from payments.providers.outcome import UnexpectedStateError

_UNDER_WAY = frozenset({"pending_customer_approval", "pending_submission", "submitted"})
_AFTER_MONEY = frozenset({"charged_back"})
_EVENTS_PAGE = 500  # GoCardless' largest


def get_status(wire: Wire, provider_ref: str, *, seen_at: dt.datetime) -> list[Fact]:
    """Return where the payment of a billing request stands, with its history once it has ended.

    Raises:
        ConflictError: there is no such billing request.
        OutcomeUnknownError: no answer.
    """
    request = _billing_request(wire, provider_ref)
    with as_documented():
        whose = Whose(billing_request=provider_ref, payment_id=payment_id_in(request["metadata"]))
        payment_ref = _payment_ref(request)
        if payment_ref is None:
            return _waiting(whose, request, seen_at=seen_at)
    with named_errors():
        payment = wire.payments.get(payment_ref).attributes
    with as_documented():
        _name(wire, payment, request["metadata"])
        status = text(payment["status"])
        told = [] if status in _UNDER_WAY else _history(wire, payment_ref)
        return _facts(whose, payment, told, seen_at=seen_at)


def cancel(
    wire: Wire, provider_ref: str, *, idempotency_key: str, seen_at: dt.datetime
) -> list[Fact]:
    """Close a billing request and its page.

    Raises:
        UnexpectedStateError: the payer has authorised it already.
        ConflictError: GoCardless refused for another reason.
        OutcomeUnknownError: no clear answer.
    """
    try:
        with named_errors():
            wire.billing_requests.cancel(provider_ref, **under(idempotency_key))
    except UnexpectedStateError:
        facts = get_status(wire, provider_ref, seen_at=seen_at)
        if not any(isinstance(fact, Canceled) for fact in facts):
            raise
        return facts  # it was closed before
    return get_status(wire, provider_ref, seen_at=seen_at)


def payment_of(wire: Wire, provider_ref: str) -> str:
    """Return the payment (`PM…`) that came of a billing request.

    Raises:
        UnexpectedStateError: none did so far.
        OutcomeUnknownError: no answer.
    """
    request = _billing_request(wire, provider_ref)
    with as_documented():
        payment_ref = _payment_ref(request)
    if payment_ref is None:
        raise UnexpectedStateError("Nothing was paid at GoCardless yet.")
    return payment_ref


def _billing_request(wire: Wire, provider_ref: str) -> Mapping[str, Any]:
    with named_errors():
        shown: Mapping[str, Any] = wire.billing_requests.get(provider_ref).attributes
    return shown


def _payment_ref(request: Mapping[str, Any]) -> str | None:
    payment_ref = request["links"].get("payment_request_payment")
    return None if payment_ref is None else text(payment_ref)


def _waiting(whose: Whose, request: Mapping[str, Any], *, seen_at: dt.datetime) -> list[Fact]:
    status = text(request["status"])
    if status == "pending":
        # Also after an attempt that failed: the page is open, and the payer may try again.
        return [ActionRequired(**whose.at(seen_at, status))]
    fact = request_fact(whose, status, occurred_at=seen_at)
    return [] if fact is None else [fact]


def _history(wire: Wire, payment_ref: str) -> list[Mapping[str, Any]]:
    """Return the payment's events, oldest first; GoCardless makes them a little later."""
    with named_errors():
        listed = wire.events.all(params={"payment": payment_ref, "limit": _EVENTS_PAGE})
        events: list[Mapping[str, Any]] = [event.attributes for event in listed]
    return sorted(events, key=lambda event: moment(event["created_at"]))


def _facts(
    whose: Whose,
    payment: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    *,
    seen_at: dt.datetime,
) -> list[Fact]:
    status, payment_ref = text(payment["status"]), text(payment["id"])
    due = Due(amount(payment["amount"]), text(payment["currency"]))

    def fact(action: str, cause: str | None, occurred_at: dt.datetime) -> Fact | None:
        return payment_fact(
            whose,
            action,
            payment_ref=payment_ref,
            due=due,
            cause=cause,
            occurred_at=occurred_at,
        )

    told = [fact(event["action"], _cause(event), moment(event["created_at"])) for event in events]
    had_money = any(isinstance(one, MoneyReceived) for one in told)
    if status in _AFTER_MONEY and not had_money:  # what came of it is told after it
        told.insert(0, fact("confirmed", None, seen_at))
    is_told = status in {event["action"] for event in events}
    if not is_told and not (had_money and status in MONEY_TOLD):
        told.append(fact(status, None, seen_at))
    return [one for one in told if one is not None]


def _cause(event: Mapping[str, Any]) -> str | None:
    cause: str | None = (event.get("details") or {}).get("cause")
    return cause


def _name(wire: Wire, payment: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """See to it that the payment carries our ids: only then do its events tell whose it is."""
    if payment_id_in(payment["metadata"]) is None and payment_id_in(ours) is not None:
        with contextlib.suppress(StrongroomError), named_errors():  # or when next looked at
            wire.payments.update(payment["id"], params={"metadata": dict(ours)})
