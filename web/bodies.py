"""What bodies are read at all: JSON of 1 MB at most; webhooks and files as raw bytes."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from werkzeug.exceptions import UnsupportedMediaType

BODY_LIMIT_BYTES = 1_000_000

_View = TypeVar("_View", bound=Callable[..., Any])


def install_body_limits(app: Flask) -> None:
    """Refuse other bodies; install it after authentication."""
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT_BYTES
    app.before_request(_require_json)


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


def _require_json() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return
    raw_limit = _raw_limit(view)
    if raw_limit is not None:
        request.max_content_length = raw_limit
        return
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if has_body and request.mimetype != "application/json":
        raise UnsupportedMediaType
