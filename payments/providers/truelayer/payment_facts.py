"""What happened to a payment, as facts: told by a webhook, or seen when we ask.

Statuses: https://docs.truelayer.com/docs/single-payment-statuses. Only `settled` means that the
money is there; it is always the whole amount.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payments.providers.facts import (
    ActionRequired,
    Fact,
    MoneyReceived,
    PaymentFailed,
    Processing,
)
from payments.providers.truelayer.failures import REVERSED, explain, log_failure
from payments.providers.truelayer.metadata import Due, payment_id_in
from payments.providers.truelayer.shown_values import metadata_of, minor_units, moment, text

PROVIDER = "truelayer"

# The payer has something to do yet; `attempt_failed` is not the end: the page offers another try.
CANCELABLE = frozenset({"authorization_required", "authorizing", "attempt_failed"})
_UNDER_WAY = frozenset({"authorized", "executed", "stalled"})


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Which payment: TrueLayer's id of it, and ours where its metadata has it."""

    provider_ref: str
    payment_id: str | None

    def at(self, occurred_at: dt.datetime, status: str) -> dict[str, Any]:
        """Return the fields every fact has."""
        return {
            "provider": PROVIDER,
            "provider_ref": self.provider_ref,
            "payment_id": self.payment_id,
            "occurred_at": occurred_at,
            "provider_status": status,
        }


def whose_shown(payment: Mapping[str, Any]) -> Whose:
    """Return which payment TrueLayer shows.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    return Whose(provider_ref=text(payment["id"]), payment_id=payment_id_in(metadata_of(payment)))


def facts_of_payment(payment: Mapping[str, Any], *, seen_at: dt.datetime) -> list[Fact]:
    """Return what a payment that TrueLayer shows tells.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    whose, status = whose_shown(payment), text(payment["status"])
    told = payment.get(f"{status}_at")
    occurred_at = seen_at if told is None else moment(told)
    due = Due(minor_units(payment["amount_in_minor"]), text(payment["currency"]))
    return [payment_fact(whose, status, due=due, cause=payment, occurred_at=occurred_at)]


def payment_fact(
    whose: Whose,
    status: str,
    *,
    due: Due | None,
    cause: Mapping[str, Any],
    occurred_at: dt.datetime,
) -> Fact:
    """Return what a status tells; `due` is the payment's amount, where it is known.

    Raises:
        ValueError: the status is none that is documented.
    """
    which = whose.at(occurred_at, status)
    if status in CANCELABLE:
        return ActionRequired(**which)
    if status in _UNDER_WAY:
        return Processing(**which)
    if status == "failed":
        reason = cause.get("failure_reason")
        log_failure(payment_id=whose.payment_id, reason=reason)
        return PaymentFailed(**which, failure=explain(reason))
    if status == "reversed":
        return PaymentFailed(**which, failure=REVERSED, takes_back=True)
    if status != "settled":
        raise ValueError("not a documented status")
    if due is None:  # not made by us, or not as we make them: our next look has the amount
        return Processing(**which)
    return MoneyReceived(
        **which,
        source=PROVIDER,
        receipt_ref=whose.provider_ref,
        amount=due.amount,
        currency=due.currency,
    )
