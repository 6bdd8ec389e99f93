"""Payment intents at Stripe: create and retrieve, with errors named by what to do about them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import stripe
from stripe import PaymentIntent, StripeClient

from payments.errors import ConflictError, DeclinedError, InvalidRequestError
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.stripe.declines import explain

Capture = Literal["automatic", "manual"]

# Fiat of the ledger whose minor units are also Stripe's: https://docs.stripe.com/currencies
# (not ISK, which Stripe counts in hundredths).
CURRENCIES = frozenset(
    {"AED", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "CZK", "DKK", "EUR", "GBP"}
    | {"HKD", "HUF", "IDR", "ILS", "INR", "JOD", "JPY", "KRW", "KWD", "MXN", "MYR", "NOK", "NZD"}
    | {"OMR", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TND", "TRY", "TWD", "USD", "VND"}
    | {"ZAR"}
)
_AMOUNT_CODES = frozenset({"amount_too_small", "amount_too_large"})


@dataclass(frozen=True)
class Intent:
    """A payment intent; its `client_secret` lets a browser pay it, so treat it as a secret."""

    provider_ref: str
    client_secret: str
    status: str


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
    with _named_errors():
        intent = client.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": currency.lower(),
                "capture_method": capture,
                "allowed_payment_method_types": ["card"],
                "metadata": dict(metadata),
            },
            {"idempotency_key": idempotency_key},
        )
    return _intent(intent)


def retrieve(client: StripeClient, *, provider_ref: str) -> Intent:
    """Return an intent as it is now.

    Raises:
        ConflictError: there is no such intent.
        OutcomeUnknownError: no answer.
    """
    with _named_errors():
        intent = client.v1.payment_intents.retrieve(provider_ref)
    return _intent(intent)


def _intent(intent: PaymentIntent) -> Intent:
    if intent.client_secret is None:
        raise OutcomeUnknownError("Stripe's answer has no client secret.")
    return Intent(intent.id, intent.client_secret, intent.status)


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    try:
        yield
    except stripe.CardError as error:
        decline_code = error.error.decline_code if error.error else None
        failure = explain(code=error.code, decline_code=decline_code)
        raise DeclinedError(
            failure.message, stripe_code=failure.stripe_code or "", next_step=failure.next_step
        ) from error
    except stripe.InvalidRequestError as error:
        if error.code in _AMOUNT_CODES:
            fault = {"amount": [f"Stripe does not take this amount ({error.code})."]}
            raise InvalidRequestError("The amount cannot be charged.", errors=fault) from error
        raise ConflictError(_described(error), code="provider_refused") from error
    except stripe.IdempotencyError as error:
        raise ConflictError(_described(error), code="provider_refused") from error
    except stripe.StripeError as error:
        # No answer, 5xx, a key used at this very moment, too many requests, or our own key is
        # wrong. Whether or not something happened, the same call again is right for all of them.
        raise OutcomeUnknownError(_described(error)) from error


def _described(error: stripe.StripeError) -> str:
    """Return what happened by Stripe's codes: its message may hold what is not for the caller."""
    codes = " ".join(str(part) for part in (error.http_status, error.code) if part is not None)
    return f"Stripe did not do it: {codes or 'no answer'} ({type(error).__name__})."
