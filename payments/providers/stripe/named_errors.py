"""The SDK's errors as ours, named by what to do about them; every call to Stripe is made inside."""

from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from payments.errors import ConflictError, InvalidRequestError
from payments.providers.outcome import (
    OutcomeUnknownError,
    PaymentDeclinedError,
    UnexpectedStateError,
)
from payments.providers.stripe.declines import explain

_AMOUNT_CODES = frozenset({"amount_too_small", "amount_too_large"})
_STATE_CODES = frozenset({"payment_intent_unexpected_state", "intent_invalid_state"})


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Raises:
        PaymentDeclinedError: the payer's bank, or Stripe for it, said no.
        UnexpectedStateError: the intent is in another state than this call needs.
        InvalidRequestError: Stripe does not take the amount.
        ConflictError: Stripe refused for another reason; nothing happened.
        OutcomeUnknownError: no answer, or none that says what happened.
    """
    try:
        yield
    except stripe.CardError as error:
        decline_code = error.error.decline_code if error.error else None
        failure = explain(code=error.code, decline_code=decline_code)
        raise PaymentDeclinedError(failure, provider_code=decline_code or error.code) from error
    except stripe.InvalidRequestError as error:
        if error.code in _AMOUNT_CODES:
            fault = {"amount": [f"Stripe does not take this amount ({error.code})."]}
            raise InvalidRequestError("The amount cannot be charged.", errors=fault) from error
        if error.code in _STATE_CODES:
            raise UnexpectedStateError(_described(error)) from error
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
