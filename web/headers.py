"""Headers that protect browsers: content policy, HTTPS, CORS, and what caches may keep."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import Flask, Response, g, request
from flask_cors import CORS
from flask_talisman import Talisman

from payments.settings import Settings

HSTS_S = 63_072_000  # two years, as browsers' preload lists ask for
CORS_MAX_AGE_S = 600

JSON_POLICY = {"default-src": "'none'", "frame-ancestors": "'none'"}

# What Stripe.js needs and nothing else: https://docs.stripe.com/security/guide#content-security-policy
PAGE_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' https://js.stripe.com https://*.js.stripe.com",
    "connect-src": "'self' https://api.stripe.com",
    "frame-src": "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
    "img-src": "'self' data: https://*.stripe.com",
    "style-src": "'self'",
    "font-src": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

# A page of ours that needs no script at all: pictures, its style sheet, and its own forms.
PLAIN_PAGE_POLICY = {
    "default-src": "'none'",
    "img-src": "'self'",
    "style-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

_View = TypeVar("_View", bound=Callable[..., Any])


def page(view: _View) -> _View:
    """Mark a view that answers with an HTML page: it may load its own scripts and Stripe's."""
    return under_policy(PAGE_POLICY)(view)


def under_policy(policy: Mapping[str, str]) -> Callable[[_View], _View]:
    """Mark a view whose answer has a content policy of its own, from directive to sources."""

    def mark(view: _View) -> _View:
        view.talisman_view_options = {"content_security_policy": dict(policy)}  # type: ignore[attr-defined] # read by flask-talisman
        return view

    return mark


def install_headers(app: Flask, settings: Settings) -> None:
    """Set protective headers on every answer, also on errors."""
    app.after_request(_forbid_caching)
    Talisman(
        app,
        force_https=not settings.is_sandbox,
        force_https_permanent=True,
        strict_transport_security=not settings.is_sandbox,
        strict_transport_security_max_age=HSTS_S,
        strict_transport_security_include_subdomains=True,
        strict_transport_security_preload=True,
        content_security_policy=JSON_POLICY,
        frame_options="DENY",
        referrer_policy="no-referrer",
        permissions_policy={"camera": "()", "geolocation": "()", "microphone": "()"},
        session_cookie_secure=not settings.is_sandbox,
    )
    CORS(
        app,
        origins=list(settings.trusted_origins),
        supports_credentials=True,
        always_send=False,  # only to a browser that says where it comes from
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "Last-Event-ID",
            "Prefer",
            "X-Access-Reason",
            "X-Request-Id",
        ],
        expose_headers=[
            "Content-Disposition",
            "Idempotent-Replayed",
            "Ledger-Sequence",
            "Report-As-Of",
            "Repr-Digest",
            "Retry-After",
            "X-Request-Id",
        ],
        max_age=CORS_MAX_AGE_S,
    )


def _forbid_caching(response: Response) -> Response:
    response.vary.add("Origin")
    is_personal = request.path.startswith("/api/") or "caller" in g
    if is_personal or response.status_code >= 400:  # noqa: PLR2004 - errors
        response.headers.setdefault("Cache-Control", "no-store")
    return response
