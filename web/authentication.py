"""Finds out who calls: an API key or a token in the Authorization header, or a browser's cookie.

Runs before every view and checks the view's policy; a view nobody marked is refused.
"""

import ipaddress
from collections.abc import Callable
from typing import Any

from flask import Flask, current_app, g, request

from payments.access.api_keys import authenticate_key
from payments.access.caller import Caller
from payments.access.end_access import refuse_ended
from payments.access.sessions import find_session
from payments.access.step_up import require_factors
from payments.errors import InvalidRequestError, UnauthorizedError
from payments.invoices.access import Viewer
from payments.invoices.links import follow_link
from payments.log_lines import get_logger
from payments.secret_versions.kinds import Kind
from web.cross_site import refuse_foreign_sites
from web.limits import network_of_caller, note_bad_credential
from web.parts import Parts, current_parts
from web.policies import (
    DANGEROUS,
    action_of,
    check_policy,
    public_reason_of,
    takes_link,
    takes_network,
)
from web.staff_hosts import refuse_other_hosts

_CREDENTIALS = frozenset({"api_key", "access_token", "token", "authorization"})
_COOKIE = "strongroom_session"
LINK = "link"
"""The parameter of the query that carries a signed link."""


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
    refuse_foreign_sites(parts)
    now = parts.now()
    keys = parts.secrets.of(Kind.SESSION_KEY, now=now)
    return find_session(parts.engine, cookie, keys=keys, now=now)


def _authenticate_request() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.method == "OPTIONS":
        return  # an unknown path, or a CORS preflight, which browsers send without credentials
    if takes_network(view) and _is_known_address():
        return
    refuse_other_hosts(view)
    if _CREDENTIALS.intersection(name.lower() for name in request.args):
        raise InvalidRequestError(
            "Credentials belong in the Authorization header, never in a URL.",
            code="credentials_in_url",
        )
    if public_reason_of(view) is not None:
        return
    try:
        g.caller = _follow_link(view) or identify(current_parts())
    except UnauthorizedError:
        if _sends_credential():
            note_bad_credential()
        raise
    action = action_of(view)
    if action is None:
        get_logger(__name__).error("view_without_policy", endpoint=request.endpoint)
    check_policy(g.caller, action)
    if "follower" not in g:
        check_factors(g.caller, action)


def _is_known_address() -> bool:
    """Whether this is asked without a credential, from where metrics may be read."""
    networks = current_parts().settings.telemetry.metrics_networks
    if not networks or _sends_credential():
        return False
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return any(address in network for network in networks)


def check_factors(caller: Caller, action: str | None) -> None:
    """Ask a person of the staff for a second factor, and a fresh one for a dangerous action.

    Raises:
        StepUpRequiredError: there is none, or it is too old.
    """
    text = bearer_text()
    if text is not None and text.startswith("srk_"):
        return  # a program's credential: role, scopes and expiry narrow it
    parts = current_parts()
    require_factors(
        caller, accepted=parts.settings.step_up_amr, fresh=action in DANGEROUS, now=parts.now()
    )


def current_viewer(*, reason: str | None) -> Viewer:
    """Return who wants to see documents, how they proved who they are, and why they look.

    What stands behind a link, the reason included, is what was given when it was asked for.
    """
    if "follower" in g:
        follower: Viewer = g.follower
        return follower
    text = bearer_text()
    if text is None:
        return Viewer(current_caller(), "session", reason)
    return Viewer(current_caller(), "key" if text.startswith("srk_") else "token", reason)


def _sends_credential() -> bool:
    cookie = session_cookie_name(current_parts())
    return "Authorization" in request.headers or LINK in request.args or cookie in request.cookies


def _follow_link(view: Callable[..., Any]) -> Caller | None:
    """Return who asked for the link that this request follows; None when it follows none."""
    if not takes_link(view) or LINK not in request.args:
        return None
    parts = current_parts()
    g.follower = follow_link(
        parts.engine,
        request.args[LINK],
        order_id=(request.view_args or {})["order_id"],
        keys=parts.secrets.of(Kind.LINK_KEY, now=parts.now()),
        now=parts.now(),
    )
    caller: Caller = g.follower.caller
    return caller


def _identify_bearer(parts: Parts, text: str) -> Caller:
    if not text.startswith("srk_"):
        caller, issued_at = parts.tokens.read_dated(text, now=parts.now())
        refuse_ended(parts.engine, principal=caller.principal, issued_at=issued_at)
        return caller
    now = parts.now()
    return authenticate_key(
        parts.engine,
        text,
        peppers=parts.secrets,
        livemode=parts.settings.livemode,
        now=now,
        note_use=lambda key_id, refused: parts.key_uses.note(
            key_id, network_of_caller(), refused=refused, now=now
        ),
    )
