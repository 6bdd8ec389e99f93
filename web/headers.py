"""Headers that protect browsers: content policy, HTTPS, CORS, isolation, what caches may keep."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from flask_cors import CORS
from flask_talisman import Talisman

from payments.settings import Settings
from web.content_policies import API_POLICY, PERMISSIONS, Policy

HSTS_S = 63_072_000  # two years, as browsers' preload lists ask for
CORS_MAX_AGE_S = 600

_View = TypeVar("_View", bound=Callable[..., Any])


def under_policy(policy: Policy) -> Callable[[_View], _View]:
    """Mark a view whose answer has a content policy of its own: what it loosens of the API's."""

    def mark(view: _View) -> _View:
        view.content_policy = API_POLICY | policy  # type: ignore[attr-defined] # read below
        return view

    return mark


class _Talisman(Talisman):  # type: ignore[misc] # it has no types
    """Keeps options of an application out of the views, which several of one process share."""

    def _get_local_options(self) -> dict[str, Any]:
        options: dict[str, Any] = super()._get_local_options()
        view = current_app.view_functions.get(request.endpoint or "")
        policy = getattr(view, "content_policy", self.content_security_policy)
        return options | {"content_security_policy": policy}


def install_headers(app: Flask, settings: Settings) -> None:
    """Set protective headers on every answer, also on errors."""
    app.after_request(_isolate)
    _Talisman(
        app,
        force_https=not settings.is_sandbox,
        force_https_permanent=True,
        strict_transport_security=not settings.is_sandbox,
        strict_transport_security_max_age=HSTS_S,
        strict_transport_security_include_subdomains=True,
        strict_transport_security_preload=True,
        content_security_policy=dict(API_POLICY),
        frame_options="DENY",
        referrer_policy="no-referrer",
        permissions_policy=dict(PERMISSIONS),
        session_cookie_secure=not settings.is_sandbox,
    )
    CORS(
        app,
        resources=re.compile(r"/api/"),
        # Patterns, for of a text with a bracket or star in it the library makes a loose one.
        origins=[re.compile(re.escape(origin) + r"\Z") for origin in settings.trusted_origins],
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


def _isolate(response: Response) -> Response:
    """Keep an answer out of caches, and out of the reach of pages of other origins."""
    response.vary.add("Origin")
    response.headers.setdefault("Cache-Control", "no-store")
    # Pages: no window of another origin has a hold on ours, nor the other way round.
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    # Everything: no <img>, <script> or <embed> of another origin loads it; CORS is not concerned.
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers.setdefault("X-Permitted-Cross-Domain-Policies", "none")
    return response
