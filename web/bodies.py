"""What bodies are read at all: JSON, and 1 MB at most; webhooks are taken as raw bytes."""

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


def raw_body(view: _View) -> _View:
    """Mark a view that reads the body's bytes itself, whatever they are said to be."""
    view.reads_raw_body = True  # type: ignore[attr-defined] # read below
    return view


def reads_raw_body(view: Callable[..., Any]) -> bool:
    """Whether a view is marked so."""
    return getattr(view, "reads_raw_body", False)


def _require_json() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or reads_raw_body(view):
        return
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if has_body and request.mimetype != "application/json":
        raise UnsupportedMediaType
