"""One table from what can go wrong to an HTTP answer, always `application/problem+json` (RFC 9457).

An unforeseen error says nothing but its request id; what happened stands in the log.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import redis
from flask import Flask, Response, g
from sqlalchemy import exc as database
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from ledger import errors as ledger
from payments import errors
from payments.log_lines import get_logger
from payments.privacy.redaction import redact_text

TYPE_PREFIX = "urn:strongroom:problem:"
DATABASE_RETRY_S = 5
_LONGEST_FIELD_NAME = 100

STATUSES: dict[type[Exception], HTTPStatus] = {
    errors.InvalidRequestError: HTTPStatus.BAD_REQUEST,
    errors.InvalidSignatureError: HTTPStatus.BAD_REQUEST,
    errors.UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    errors.DeclinedError: HTTPStatus.PAYMENT_REQUIRED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.InProgressError: HTTPStatus.CONFLICT,
    errors.ReferenceReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    ledger.UnknownAccountError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ledger.UnknownAssetError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ledger.UnknownEntryError: HTTPStatus.NOT_FOUND,
    ledger.UnknownHoldError: HTTPStatus.NOT_FOUND,
    ledger.LedgerError: HTTPStatus.CONFLICT,
}

_TRY_AGAIN = (errors.InProgressError, errors.TooManyRequestsError, errors.UnavailableError)

# What Werkzeug raises by itself: our words, since its own may echo the request.
_HTTP_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: ("validation", "The request is not valid."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This address knows other methods."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "too_large",
        "The body is larger than it may be.",
    ),
    HTTPStatus.REQUEST_TIMEOUT: ("request_timeout", "The body did not come in time."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "unsupported_media_type",
        "Send application/json, in UTF-8 and not compressed.",
    ),
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection lost, transaction
# rolled back by a clash, no resources, lock not to be had, shut down or cancelled.
_TRANSIENT_SQLSTATES = ("08", "40", "53", "55P03", "57", "58")


@dataclasses.dataclass
class Problem:
    """An RFC 9457 problem; `extra` holds members of this kind of problem only."""

    status: HTTPStatus
    code: str
    detail: str | None = None
    errors: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def response(self) -> Response:
        """Render it."""
        members = {
            "type": f"{TYPE_PREFIX}{self.code}",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
            "errors": _named_fields(self.errors),
            **self.extra,
            "request_id": g.get("request_id"),
        }
        return Response(
            json.dumps({name: value for name, value in members.items() if value is not None}),
            status=self.status,
            headers=dict(self.headers),
            content_type="application/problem+json",
        )


def install_errors(app: Flask) -> None:
    """Answer every error with a problem; install it after flask-smorest, which has its own."""
    app.register_error_handler(errors.StrongroomError, _answer(_domain_problem))
    app.register_error_handler(ledger.LedgerError, _answer(_ledger_problem))
    app.register_error_handler(HTTPException, _answer(_http_problem))
    app.register_error_handler(InternalServerError, _answer(_late_problem))
    app.register_error_handler(database.SQLAlchemyError, _answer(_database_problem))
    app.register_error_handler(redis.RedisError, _answer(_redis_problem))
    app.register_error_handler(Exception, _answer(_internal_problem))


def status_of(error: Exception) -> HTTPStatus:
    """Return the status that the closest class in the table stands for."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def describe(error: Exception) -> Problem:
    """Return what is answered to an error, for pages, which say it in their own way."""
    match error:
        case errors.StrongroomError():
            return _domain_problem(error)
        case ledger.LedgerError():
            return _ledger_problem(error)
        case HTTPException():
            return _http_problem(error)
        case database.SQLAlchemyError():
            return _database_problem(error)
        case redis.RedisError():
            return _redis_problem(error)
    return _internal_problem(error)


def _answer(told: Callable[[Any], Problem]) -> Callable[[Any], Response]:
    return lambda error: told(error).response()


def _domain_problem(error: errors.StrongroomError) -> Problem:
    problem = Problem(status_of(error), error.code, error.detail, errors=error.errors)
    if isinstance(error, errors.UnauthorizedError):
        problem.headers = {"WWW-Authenticate": 'Bearer realm="strongroom"'}
    elif isinstance(error, errors.StepUpRequiredError):
        max_age = int(error.max_age.total_seconds())
        challenge = f'Bearer error="insufficient_user_authentication", max_age={max_age}'
        problem.headers = {"WWW-Authenticate": challenge}  # RFC 9470, 3
    elif isinstance(error, _TRY_AGAIN):
        problem.headers = {"Retry-After": str(error.retry_after_s)}
    elif isinstance(error, errors.DeclinedError):
        problem.headers = {"Idempotent-Replayed": "true"} if error.replayed else {}
        problem.extra = {
            "stripe_code": error.stripe_code,
            "message": error.detail,
            "next_step": error.next_step,
        }
    return problem


def _ledger_problem(error: ledger.LedgerError) -> Problem:
    return Problem(status_of(error), error.code, redact_text(str(error)))


def _http_problem(error: HTTPException) -> Problem:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    code, detail = _HTTP_PROBLEMS.get(status, (status.name.lower(), None))
    # What webargs found in the body or the query: {"json": {field: messages}}.
    found = getattr(error, "data", {}).get("messages", {})
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return Problem(status, code, detail, errors=_flat_fields(found), headers=headers)


def _late_problem(error: InternalServerError) -> Problem:
    """Describe what went wrong after the view, where Flask asks no other handler."""
    match error.original_exception:
        case database.SQLAlchemyError() as late:
            return _database_problem(late)
        case redis.RedisError() as late:
            return _redis_problem(late)
        case Exception() as late:
            return _internal_problem(late)
    return _internal_problem(error)


def _database_problem(error: database.SQLAlchemyError) -> Problem:
    if not _is_transient(error):
        return _internal_problem(error)
    get_logger(__name__).warning("database_unavailable", reason=type(error).__name__)
    return _unavailable("The database does not answer; nothing was lost, try again.")


def _redis_problem(error: redis.RedisError) -> Problem:
    get_logger(__name__).warning("redis_unavailable", reason=type(error).__name__)
    return _unavailable("A part of the system does not answer; try again.")


def _internal_problem(error: Exception) -> Problem:
    get_logger(__name__).error("unforeseen_error", exc_info=error)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")


def _unavailable(detail: str) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        detail,
        headers={"Retry-After": str(DATABASE_RETRY_S)},
    )


def _is_transient(error: database.SQLAlchemyError) -> bool:
    """Whether the same request may well succeed later."""
    if isinstance(error, database.TimeoutError):  # no free connection in the pool
        return True
    if not isinstance(error, database.DBAPIError):
        return False
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate is None:  # never reached PostgreSQL, or lost it on the way
        return isinstance(error, database.OperationalError | database.InterfaceError)
    return str(sqlstate).startswith(_TRANSIENT_SQLSTATES)


def _flat_fields(found: Any) -> dict[str, list[str]]:
    """Turn marshmallow's nested messages into `lines.0.quantity` -> messages."""
    flat: dict[str, list[str]] = {}

    def walk(path: tuple[str, ...], messages: Any) -> None:
        if isinstance(messages, Mapping):
            for name, inner in messages.items():
                walk((*path, str(name)), inner)
        else:
            flat[".".join(path) or "body"] = [str(message) for message in messages]

    for inner in found.values():
        walk((), inner)
    return flat


def _named_fields(found: Mapping[str, list[str]]) -> dict[str, list[str]]:
    # A field's name comes from the request: it may be anything, a card number included.
    return {redact_text(name)[:_LONGEST_FIELD_NAME]: messages for name, messages in found.items()}
