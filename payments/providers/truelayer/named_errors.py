"""TrueLayer's answers: what they hold, or an error of ours named by what to do about it.

Its errors: https://docs.truelayer.com/docs/payments-api-errors. Their sentences may quote what was
sent, so only codes, names of fields and the trace id go any further.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from payments.errors import ConflictError, InvalidRequestError, StrongroomError
from payments.providers.exchange import HttpAnswer
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError

# Whether or not something happened, the same call again is right: our token or our signature is
# not taken, the same key is at work this very moment, or there were too many calls.
_ASK_AGAIN = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_OF_THE_AMOUNT = frozenset({"amount_in_minor", "currency"})
_INVALID_STATE = "invalid-state"
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,60}")
_RETRY_AFTER_S, _RETRY_AFTER_MAX_S = 5, 600


def content_of(answer: HttpAnswer) -> Mapping[str, Any]:
    """Return what an answer holds; nothing when its body is empty.

    Raises:
        InvalidRequestError: TrueLayer does not take the amount.
        UnexpectedStateError: the thing is in another state than this call needs.
        ConflictError: TrueLayer refused for another reason; nothing happened.
        OutcomeUnknownError: no answer that says what happened, or not now.
    """
    if not HTTPStatus(HTTPStatus.OK) <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(answer)
    content = _read(answer.body) if answer.body.strip() else {}
    if content is None:
        raise OutcomeUnknownError(f"TrueLayer's answer is not readable: {answer.status}.")
    return content


def _refusal(answer: HttpAnswer) -> StrongroomError:
    problem = _read(answer.body) or {}
    code = _code(problem)
    said = _said(answer, problem, code)
    is_refusal = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    may_work_again = answer.headers.get("Tl-Should-Retry", "").lower() == "true"
    if not is_refusal or may_work_again or answer.status in _ASK_AGAIN:
        return OutcomeUnknownError(said, retry_after_s=_retry_after_s(answer))
    fields = _fields(problem)
    if fields and fields <= _OF_THE_AMOUNT:
        faults = {"amount": ["TrueLayer does not take this amount in this currency."]}
        return InvalidRequestError("The amount cannot be paid by bank.", errors=faults)
    if code == _INVALID_STATE:
        return UnexpectedStateError(said)
    return ConflictError(said, code="provider_refused")


def _read(body: bytes) -> Mapping[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, Mapping) else None


def _code(problem: Mapping[str, Any]) -> str | None:
    """Return the error's code: the end of its `type`, or its title written like one."""
    fragment = str(problem.get("type", "")).rpartition("#")[2]
    title = str(problem.get("title", "")).lower().replace(" ", "-")
    return next((one for one in (fragment, title) if _CODE.fullmatch(one)), None)


def _fields(problem: Mapping[str, Any]) -> frozenset[str]:
    errors = problem.get("errors")
    return frozenset(str(name) for name in errors) if isinstance(errors, Mapping) else frozenset()


def _said(answer: HttpAnswer, problem: Mapping[str, Any], code: str | None) -> str:
    trace_id = answer.headers.get("Tl-Trace-Id") or str(problem.get("trace_id", ""))
    told = [str(answer.status), code, *sorted(_fields(problem)), trace_id]
    return f"TrueLayer did not do it: {' '.join(t for t in told if t and _is_plain(t))}."


def _is_plain(text: str) -> bool:
    return text.isdecimal() or bool(re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", text))


def _retry_after_s(answer: HttpAnswer) -> int:
    told = answer.headers.get("Retry-After", "")
    if not (told.isascii() and told.isdecimal()) or len(told) > len(str(_RETRY_AFTER_MAX_S)):
        return _RETRY_AFTER_S
    return min(max(int(told), 1), _RETRY_AFTER_MAX_S)
