"""Payment intents at Stripe: create and retrieve, with errors named by what to do about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stripe import StripeClient
from stripe.params import (
    PaymentIntentCaptureParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
)

from payments.providers.outcome import OutcomeUnknownError
from payments.providers.stripe.named_errors import named_errors

Capture = Literal["automatic", "manual"]

# Fiat of the ledger whose minor units are also Stripe's: https://docs.stripe.com/currencies
# (not ISK, which Stripe counts in hundredths).
CURRENCIES = frozenset(
    {"AED", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "CZK", "DKK", "EUR", "GBP"}
    | {"HKD", "HUF", "IDR", "ILS", "INR", "JOD", "JPY", "KRW", "KWD", "MXN", "MYR", "NOK", "NZD"}
    | {"OMR", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TND", "TRY", "TWD", "USD", "VND"}
    | {"ZAR"}
)
CancelReason = Literal["abandoned", "duplicate", "fraudulent", "requested_by_customer"]
_SHOWN: list[str] = ["latest_charge"]


@dataclass(frozen=True)
class Intent:
    """A payment intent; its `client_secret` lets a browser pay it, so treat it as a secret.

    `shown` is the whole of it as Stripe shows it, for `facts_of_intent`.
    """

    provider_ref: str
    client_secret: str = field(repr=False)
    status: str
    shown: Mapping[str, Any] = field(repr=False)


def create(
    client: StripeClient,
    *,
    amount: int,
    currency: str,
    capture: Capture,
    metadata: Mapping[str, str],
    idempotency_key: str,
) -> Intent:
    """Create an intent; the same idempotency key again gives the same intent.

    Raises:
        InvalidRequestError, ConflictError, DeclinedError: Stripe refused; nothing was made.
        OutcomeUnknownError: no answer, or none that says what happened.
    """
    params: PaymentIntentCreateParams = {
        "amount": amount,
        "currency": currency.lower(),
        "capture_method": capture,
        "allowed_payment_method_types": ["card"],
        "metadata": dict(metadata),
    }
    with named_errors():
        # Not by `client.v1`: its objects, made only to be taken apart again, cost as much as the
        # whole journey to Stripe and back.
        answer = client.raw_request(
            "post", "/v1/payment_intents", idempotency_key=idempotency_key, **params
        )
    return _intent(answer.data)


def retrieve(client: StripeClient, *, provider_ref: str) -> Intent:
    """Return an intent as it is now, with its latest charge.

    Raises:
        ConflictError: there is no such intent.
        OutcomeUnknownError: no answer.
    """
    with named_errors():
        intent = client.v1.payment_intents.retrieve(provider_ref, {"expand": _SHOWN})
    return _intent(intent.to_dict())


def confirm(
    client: StripeClient,
    *,
    provider_ref: str,
    payment_method: str,
    return_url: str | None,
    idempotency_key: str,
) -> Intent:
    """Charge (or reserve) the amount on a card, or learn what the payer must do first.

    With a `return_url` the payer is sent to their bank's page and back; without, Stripe.js asks.

    Raises:
        PaymentDeclinedError: the payer's bank said no.
        UnexpectedStateError: the intent is not one to confirm.
        ConflictError: Stripe refused, for example an unknown payment method.
        OutcomeUnknownError: no answer: the card may have been charged.
    """
    params: PaymentIntentConfirmParams = {"payment_method": payment_method, "expand": _SHOWN}
    if return_url is None:
        params["use_stripe_sdk"] = True
    else:
        params["return_url"] = return_url
    with named_errors():
        intent = client.v1.payment_intents.confirm(
            provider_ref, params, {"idempotency_key": idempotency_key}
        )
    return _intent(intent.to_dict())


def capture(
    client: StripeClient, *, provider_ref: str, amount: int | None, idempotency_key: str
) -> Intent:
    """Take `amount` minor units (None: all) of what is reserved; the rest is given back.

    Raises:
        UnexpectedStateError: nothing is reserved, or not any more.
        InvalidRequestError, ConflictError: Stripe refused.
        OutcomeUnknownError: no answer: it may have been taken.
    """
    params: PaymentIntentCaptureParams = {"expand": _SHOWN}
    if amount is not None:
        params["amount_to_capture"] = amount
    with named_errors():
        intent = client.v1.payment_intents.capture(
            provider_ref, params, {"idempotency_key": idempotency_key}
        )
    return _intent(intent.to_dict())


def cancel(
    client: StripeClient, *, provider_ref: str, reason: CancelReason, idempotency_key: str
) -> Intent:
    """Give an intent up for good; what was reserved on the card is given back.

    Raises:
        UnexpectedStateError: it has succeeded or was canceled before.
        ConflictError: Stripe refused.
        OutcomeUnknownError: no answer.
    """
    with named_errors():
        intent = client.v1.payment_intents.cancel(
            provider_ref,
            {"cancellation_reason": reason, "expand": _SHOWN},
            {"idempotency_key": idempotency_key},
        )
    return _intent(intent.to_dict())


def _intent(shown: Mapping[str, Any]) -> Intent:
    if not shown.get("client_secret"):
        raise OutcomeUnknownError("Stripe's answer has no client secret.")
    return Intent(shown["id"], shown["client_secret"], shown["status"], shown)
