"""What bodies are read at all: JSON of 1 MB at most; webhooks and files as raw bytes."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from web.json_bodies import parse_json

BODY_LIMIT_BYTES = 1_000_000

_View = TypeVar("_View", bound=Callable[..., Any])


def install_body_limits(app: Flask) -> None:
    """Refuse other bodies; install it after authentication."""
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT_BYTES
    app.before_request(_take_body)


def raw_body(*, limit: int = BODY_LIMIT_BYTES) -> Callable[[_View], _View]:
    """Mark a view that reads the body's bytes itself, whatever they are said to be.

    `limit` is how many of them it may be; more than elsewhere only where files are taken.
    """

    def mark(view: _View) -> _View:
        view.raw_body_limit = limit  # type: ignore[attr-defined] # read below
        return view

    return mark


def reads_raw_body(view: Callable[..., Any]) -> bool:
    """Whether a view is marked so."""
    return _raw_limit(view) is not None


def _raw_limit(view: Callable[..., Any]) -> int | None:
    limit: int | None = getattr(view, "raw_body_limit", None)
    return limit


def json_body(req: Request) -> Any:
    """Return what a request's JSON says, an empty object when there is none; parsed once.

    Raises:
        InvalidRequestError: it is not JSON, or JSON that can be read in two ways.
    """
    if "json_body" not in g:
        body = req.get_data(cache=True)
        g.json_body = parse_json(body) if body else {}
    return g.json_body


def _take_body() -> None:
    """Read the whole body and judge it, on every address alike, whether its view looks or not."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return
    raw_limit = _raw_limit(view)
    limit = BODY_LIMIT_BYTES if raw_limit is None else raw_limit
    # Of a body without a length Werkzeug gives the first part, and does not say that there is more.
    request.max_content_length = limit + 1
    if not (request.content_length or "Transfer-Encoding" in request.headers):
        return
    if raw_limit is None and not _is_plain_json():
        raise UnsupportedMediaType
    if (request.content_length or 0) > limit or len(request.get_data(cache=True)) > limit:
        raise RequestEntityTooLarge
    if raw_limit is None:
        json_body(request)


def _is_plain_json() -> bool:
    """Whether the body is said to be JSON as it is: UTF-8 (RFC 8259, 8.1) and not compressed."""
    return (
        request.mimetype == "application/json"
        and request.mimetype_params.get("charset", "utf-8").lower() == "utf-8"
        and request.headers.get("Content-Encoding", "identity").lower() == "identity"
    )
