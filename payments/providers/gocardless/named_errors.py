"""The client's errors as ours, named by what to do about them; every call is made inside.

GoCardless' errors: https://developer.gocardless.com/api-reference/#overview-errors. Its messages
may quote what was sent, and the client's errors quote whole answers: neither goes any further.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from gocardless_pro import errors

from payments.errors import ConflictError, InvalidRequestError, StrongroomError
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError

_REFUSALS = (
    errors.InvalidApiUsageError,
    errors.InvalidStateError,
    errors.ValidationFailedError,
    errors.PermissionsError,
)
_OF_THE_AMOUNT = frozenset({"amount", "currency"})
_SERVER_FAULT = 500
_RATE_LIMIT_WINDOW_S = 60

# Somebody else made a refund between our look and our call: after another look it may be made.
_LOOK_AGAIN = frozenset({"total_amount_confirmation_invalid"})

# The client stumbles over errors that lack what it expects of them.
_STUMBLES = (AttributeError, KeyError, TypeError, ValueError)


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn the client's errors into ours.

    Raises:
        InvalidRequestError: GoCardless does not take the amount.
        UnexpectedStateError: the thing is in another state than this call needs.
        ConflictError: GoCardless refused for another reason; nothing happened.
        OutcomeUnknownError: no answer, or none that says what happened, or not now: too many
            requests, or our own token is wrong. The same call again is right for all of them.
    """
    try:
        yield
    except _REFUSALS as error:
        raise _refusal(error) from None
    except errors.RateLimitError as error:
        raise OutcomeUnknownError(_said(error), retry_after_s=_RATE_LIMIT_WINDOW_S) from None
    except (errors.GoCardlessProError, requests.RequestException, *_STUMBLES) as error:
        raise OutcomeUnknownError(_said(error)) from None


def _refusal(error: errors.ApiError) -> StrongroomError:
    reasons, fields = _told(error, "reason"), _told(error, "field")
    code = _body(error).get("code")
    if _LOOK_AGAIN & {*reasons} or (isinstance(code, int) and code >= _SERVER_FAULT):
        return OutcomeUnknownError(_said(error))
    if isinstance(error, errors.ValidationFailedError) and fields and {*fields} <= _OF_THE_AMOUNT:
        faults = {"amount": ["GoCardless does not take this amount in this currency."]}
        return InvalidRequestError("The amount cannot be paid by bank.", errors=faults)
    if isinstance(error, errors.InvalidStateError):
        return UnexpectedStateError(_said(error))
    return ConflictError(_said(error), code="provider_refused")


def _said(error: Exception) -> str:
    """Return what happened by GoCardless' codes: its sentences may hold what is not for others."""
    body = _body(error)
    told = [str(body[name]) for name in ("code", "request_id") if body.get(name)]
    told += [*_told(error, "reason"), *_told(error, "field")]
    return f"GoCardless did not do it: {' '.join(told) or 'no answer'} ({type(error).__name__})."


def _told(error: Exception, name: str) -> list[str]:
    """Return one name of each of the errors that an answer lists."""
    listed = _body(error).get("errors")
    if not isinstance(listed, list):
        return []
    return [str(one[name]) for one in listed if isinstance(one, Mapping) and one.get(name)]


def _body(error: Exception) -> Mapping[str, Any]:
    body = getattr(error, "error", None)
    return body if isinstance(body, Mapping) else {}
