"""Finds out who calls: an API key or a token in the Authorization header, or a browser's cookie.

Runs before every view and checks the view's policy; a view nobody marked is refused.
"""

from urllib.parse import urlsplit

from flask import Flask, current_app, g, request

from payments.access.api_keys import authenticate_key
from payments.access.caller import Caller
from payments.access.sessions import find_session
from payments.errors import ForbiddenError, InvalidRequestError, UnauthorizedError
from payments.log_lines import get_logger
from web.parts import Parts, current_parts
from web.policies import action_of, check_policy, public_reason_of

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CREDENTIALS = frozenset({"api_key", "access_token", "token", "authorization"})
_COOKIE = "strongroom_session"


def install_authentication(app: Flask) -> None:
    """Authenticate before every view; install it after the request scope."""
    app.before_request(_authenticate_request)


def current_caller() -> Caller:
    """Return who makes this request; only in views that are not public."""
    caller: Caller = g.caller
    return caller


def session_cookie_name(parts: Parts) -> str:
    """Return the cookie's name; `__Host-` ties it to this host and HTTPS (RFC 6265bis, 4.1.3)."""
    return _COOKIE if parts.settings.is_sandbox else f"__Host-{_COOKIE}"


def bearer_text() -> str | None:
    """Return what stands in the Authorization header after `Bearer`.

    Raises:
        UnauthorizedError: the header says something else.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise UnauthorizedError("Use `Authorization: Bearer <API key or token>`.")
    return text.strip()


def identify(parts: Parts) -> Caller:
    """Return who the credential of this request names; event streams ask again while open.

    Raises:
        UnauthorizedError: nobody, or nobody any more.
        ForbiddenError: a cookie that a page of another site made the browser send.
    """
    text = bearer_text()
    if text is not None:
        return _identify_bearer(parts, text)
    cookie = request.cookies.get(session_cookie_name(parts))
    if cookie is None:
        raise UnauthorizedError("Sign in, or send an API key.")
    if request.method not in _SAFE_METHODS:
        refuse_foreign_sites(parts)
    return find_session(parts.engine, cookie, now=parts.now())


def refuse_foreign_sites(parts: Parts) -> None:
    """Refuse a request that a page of another site made a browser send with its cookie.

    Raises:
        ForbiddenError: neither the origin nor the browser's fetch metadata is trusted.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        trusted = request.headers.get("Sec-Fetch-Site") == "same-origin"
    else:
        trusted = origin in parts.settings.trusted_origins or _is_own(origin)
    if not trusted:
        raise ForbiddenError(
            "A session cookie is accepted from trusted origins only.", code="origin_not_trusted"
        )


def _authenticate_request() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.method == "OPTIONS":
        return  # an unknown path, or a CORS preflight, which browsers send without credentials
    if _CREDENTIALS.intersection(name.lower() for name in request.args):
        raise InvalidRequestError(
            "Credentials belong in the Authorization header, never in a URL.",
            code="credentials_in_url",
        )
    if public_reason_of(view) is not None:
        return
    g.caller = identify(current_parts())
    if action_of(view) is None:
        get_logger(__name__).error("view_without_policy", endpoint=request.endpoint)
    check_policy(g.caller, action_of(view))


def _identify_bearer(parts: Parts, text: str) -> Caller:
    if not text.startswith("srk_"):
        return parts.tokens.read(text, now=parts.now())
    return authenticate_key(
        parts.engine,
        text,
        pepper=parts.settings.api_key_pepper,
        livemode=parts.settings.livemode,
        now=parts.now(),
    )


def _is_own(origin: str) -> bool:
    own = urlsplit(request.host_url)
    return origin == f"{own.scheme}://{own.netloc}"
