"""What an intent as Stripe shows it says about a payment, whoever asked for it and why.

Statuses: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from payments.providers.facts import (
    ActionRequired,
    Authorized,
    Canceled,
    ChargeSucceeded,
    Expired,
    Fact,
    PaymentFailed,
    Processing,
)
from payments.providers.stripe.declines import explain

PROVIDER = "stripe"

OF_TIME = frozenset({"abandoned", "automatic", "expired"})  # nobody's wish: time ran out


def facts_of_intent(intent: Mapping[str, Any], *, seen_at: dt.datetime) -> list[Fact]:
    """Return what the intent says now; nothing while nobody has tried to pay it.

    `seen_at` is when we asked for it: it dates what Stripe itself does not date. Expand
    `latest_charge` to have charges and declines dated.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    which = _which(intent)
    match intent["status"]:
        case "succeeded":
            return [_succeeded(intent, which, seen_at)]
        case "canceled":
            return [_ended(intent, which, seen_at)]
        case "requires_capture":
            return [Authorized(**which, occurred_at=_charged_at(intent) or _second(seen_at))]
        case "processing":
            return [Processing(**which, occurred_at=_second(seen_at))]
        case "requires_action":
            action = shown_action(intent.get("next_action"))
            asked_at = _second(seen_at)
            return [ActionRequired(**which, occurred_at=asked_at, next_action=action)]
        case _:
            return _failed(intent, which, seen_at)


def shown_action(next_action: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return Stripe's `next_action` as callers are shown it."""
    if next_action is None:
        return None
    redirect = next_action.get("redirect_to_url") or {}
    if next_action["type"] == "redirect_to_url" and isinstance(redirect.get("url"), str):
        return {"type": "redirect_to_url", "url": redirect["url"]}
    return {"type": "use_stripe_sdk"}


def failed_charge(intent: Mapping[str, Any]) -> tuple[str, dt.datetime] | None:
    """Return id and moment of the charge that was declined last; None when there is none."""
    charge, error = intent.get("latest_charge"), intent.get("last_payment_error")
    if not isinstance(charge, Mapping) or not error or error.get("charge") != charge["id"]:
        return None
    return str(charge["id"]), _moment(charge["created"])


def _failed(intent: Mapping[str, Any], which: dict[str, Any], seen_at: dt.datetime) -> list[Fact]:
    error = intent.get("last_payment_error")
    if not error:
        return []
    failure = explain(code=error.get("code"), decline_code=error.get("decline_code"))
    charge = failed_charge(intent)
    failed_at = _second(seen_at) if charge is None else charge[1]
    return [PaymentFailed(**which, occurred_at=failed_at, failure=failure)]


def _succeeded(
    intent: Mapping[str, Any], which: dict[str, Any], seen_at: dt.datetime
) -> ChargeSucceeded:
    amount = intent["amount_received"]
    if type(amount) is not int:
        raise TypeError("amount_received is not an int")
    # A charge captured by us is dated by its authorization: then when we see it is closer.
    is_manual = intent["capture_method"] == "manual"
    charged_at = None if is_manual else _charged_at(intent)
    return ChargeSucceeded(
        **which,
        occurred_at=charged_at or _second(seen_at),
        amount=amount,
        currency=str(intent["currency"]).upper(),
    )


def _ended(
    intent: Mapping[str, Any], which: dict[str, Any], seen_at: dt.datetime
) -> Canceled | Expired:
    ended_at = intent.get("canceled_at")
    occurred_at = _second(seen_at) if ended_at is None else _moment(ended_at)
    ran_out = intent.get("cancellation_reason") in OF_TIME
    return (Expired if ran_out else Canceled)(**which, occurred_at=occurred_at)


def _charged_at(intent: Mapping[str, Any]) -> dt.datetime | None:
    charge = intent.get("latest_charge")
    return _moment(charge["created"]) if isinstance(charge, Mapping) else None


def _which(intent: Mapping[str, Any]) -> dict[str, Any]:
    payment_id = (intent.get("metadata") or {}).get("payment_id")
    return {"provider": PROVIDER, "provider_ref": str(intent["id"]), "payment_id": payment_id}


def _second(moment: dt.datetime) -> dt.datetime:
    """Return the whole second, as Stripe dates: so that its word on the same second counts too."""
    return moment.replace(microsecond=0)


def _moment(value: object) -> dt.datetime:
    if type(value) is not int:
        raise TypeError("a moment is not a count of seconds")
    return dt.datetime.fromtimestamp(value, tz=dt.UTC)
