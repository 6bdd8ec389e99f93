"""What surrounds every request: its id, in and out, and one log line when it is answered."""

import re
import time
from contextlib import ExitStack

from flask import Flask, Response, g, request

from payments.identifiers import new_id
from payments.log_lines import bind_request_id, get_logger, lines_about
from payments.privacy.redaction import redact_text
from payments.telemetry.measuring import count, took
from payments.telemetry.meters import REQUEST_SECONDS, REQUESTS
from payments.telemetry.tracing import span, tell_span
from web.parts import current_parts

REQUEST_ID = "X-Request-Id"
_SUBJECTS = frozenset(
    {"payment_id", "order_id", "refund_id", "release_id", "escrow_id", "payout_id"}
)
_FAILED = 500
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


def install_request_scope(app: Flask) -> None:
    """Give every request an id and an access line; install it before anything else."""
    app.before_request(_begin)
    app.after_request(_note_answer)
    app.teardown_request(_end)


def _begin() -> None:
    given = request.headers.get(REQUEST_ID, "")
    accepted = _GIVEN_ID.fullmatch(given) and redact_text(given) == given
    g.request_id = given if accepted else new_id("req", now=current_parts().now())
    g.began_s = time.monotonic()
    g.scope = ExitStack()
    g.scope.enter_context(bind_request_id(g.request_id))
    g.scope.enter_context(lines_about(**_ids()))
    g.scope.enter_context(
        span(
            f"{request.method} {_route()}",
            kind="SERVER",
            caller=request.headers.get("traceparent"),
            **{"http.route": _route(), "strongroom.request_id": g.request_id},
        )
    )


def _note_answer(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    took_s = time.monotonic() - g.began_s
    route = _route()
    method = request.method if request.method in _METHODS else "other"
    count(REQUESTS, method, route, str(response.status_code))
    took(REQUEST_SECONDS, took_s, route)
    status = response.status_code
    tell_span(failed=status >= _FAILED, **{"http.response.status_code": status})
    caller = g.get("caller")
    get_logger("web.access").info(
        "request",
        method=request.method,
        path=request.path,  # without the query, which may hold what nobody should read
        status=response.status_code,
        duration_ms=round(took_s * 1000, 1),
        principal=caller.principal if caller else None,
        role=caller.role.value if caller else None,
    )
    return response


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "none"


def _ids() -> dict[str, str]:
    """Return the ids that the address names, to be on every line of this request."""
    named = (request.view_args or {}).items()
    return {name: value for name, value in named if name in _SUBJECTS}


def _end(_error: BaseException | None) -> None:
    scope: ExitStack | None = g.pop("scope", None)
    if scope is not None:
        scope.close()
