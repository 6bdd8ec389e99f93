"""Live events for browsers: `GET /api/events`, server-sent events (SSE)."""

import contextlib
import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, current_app, request

from payments.access.caller import Caller
from payments.log_lines import get_logger
from web.authentication import check_factors, current_caller, identify
from web.blueprint import Blueprint
from web.event_frames import come_back, opening
from web.parts import current_parts
from web.policies import allow, check_policy
from web.problems import problems
from web.streams import CatchUp, HandedOver, Stretch, current_hub

ACTION = "events.read"
SEND_TIMEOUT_MS = 30_000
_POSITION_DIGITS = 18
_KEPT = (  # of a request, by every open stream: no more than it takes to see who calls
    "REQUEST_METHOD",
    "PATH_INFO",
    "HTTP_HOST",
    "SERVER_NAME",
    "SERVER_PORT",
    "wsgi.url_scheme",
    "HTTP_AUTHORIZATION",
    "HTTP_COOKIE",
)
_COME_BACK = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_COME_BACK_S = 10

blueprint = Blueprint("events", __name__, url_prefix="/api/events")


@blueprint.route("", methods=["GET"])
@allow(ACTION)
@problems("too_many_requests")
@blueprint.response(200)
@blueprint.described(
    parameters=[
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The last `id` that was seen: what came after it is sent first.",
            "schema": {"type": "string"},
        }
    ],
    responses={
        "200": {
            "description": "Server-sent events; the id is for Last-Event-ID",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
def listen() -> Response:
    """Tell a browser what happens to what is its own, until it hangs up.

    It comes back by itself with `Last-Event-ID` and is told what it missed. Without that header
    nothing old is sent: open the stream first, then read what you want to show. With too many
    streams open already, a browser is told to wait and comes back by itself.
    """
    engine, hub = current_parts().engine, current_hub()
    connection = _connection()
    stream = hub.join(current_caller(), connection, _recheck())
    catch_up = CatchUp(hub=hub, engine=engine, stream=stream, position=0)
    try:
        catch_up.begin(_last_event_id())
        if connection is not None:
            return HandedOver(catch_up)
        # A server that cannot hand a connection over: its browsers come back every other second.
        response = Stretch([opening(catch_up.position), catch_up.missed()])
    except BaseException:
        hub.leave(stream)
        raise
    response.call_on_close(lambda: hub.leave(stream))
    return response


@blueprint.after_request  # type: ignore[untyped-decorator] # flask-smorest has no types
def _have_browsers_come_back(response: Response) -> Response:
    """Tell a browser to wait where others are told 429 or 503: those end an EventSource for good.

    https://html.spec.whatwg.org/#sse-processing-model: only a 200 that ends is connected again.
    """
    refused = response.status_code in _COME_BACK
    if not refused or "text/event-stream" not in request.headers.get("Accept", ""):
        return response
    wait_s = response.headers.get("Retry-After", default=_COME_BACK_S, type=int)
    get_logger(__name__).warning("stream_put_off", status=response.status_code, wait_s=wait_s)
    return Stretch([come_back(wait_s=max(wait_s, _COME_BACK_S))])


def _last_event_id() -> int | None:
    """Return the position a browser comes back with; what is none counts as a first visit."""
    text = request.headers.get("Last-Event-ID", "")
    usable = text.isascii() and text.isdecimal() and len(text) <= _POSITION_DIGITS
    return int(text) if usable else None


def _recheck() -> Callable[[], Caller]:
    """Return what identifies the same credential later, when this request is long over."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - Flask's documented way to keep the application
    kept = {name: request.environ[name] for name in _KEPT if name in request.environ}

    def recheck() -> Caller:
        with app.request_context(dict(kept)):
            caller = identify(current_parts())
            check_policy(caller, ACTION)
            check_factors(caller, ACTION)
        return caller

    return recheck


def _connection() -> socket.socket | None:
    """Return the client's socket (gunicorn gives it), set to fail when nobody reads for long."""
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    if connection is None or isinstance(connection, ssl.SSLSocket) or request.method != "GET":
        return None
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        with contextlib.suppress(OSError):  # a unix socket has no such time-out
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SEND_TIMEOUT_MS)
    return connection
