"""What browsers may do on the shop's pages: Stripe's domains where a card is taken, nowhere else.

Copy this to your own shop: which page needs what is explained in docs/security.md, "For frontends".
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify
from flask_talisman import Talisman

from sandbox.shop.settings import ShopSettings
from sandbox.shop.violations import note_violations

REPORTS = "/csp-reports"
_YEARS_2_S = 63_072_000

# https://docs.stripe.com/security/guide#content-security-policy, for Stripe.js with card fields.
STRIPE_SCRIPTS = ("https://js.stripe.com", "https://*.js.stripe.com")
STRIPE_CALLS = ("https://api.stripe.com",)
STRIPE_FRAMES = (*STRIPE_SCRIPTS, "https://hooks.stripe.com")

Policy = dict[str, str]
_View = TypeVar("_View", bound=Callable[..., Any])


def page_policy(settings: ShopSettings) -> Policy:
    """A page of the shop: its own files, and calls to Strongroom; nothing inline, no frames."""
    reports = {"report-uri": REPORTS}
    if _is_https(settings):  # browsers send to endpoints over HTTPS only, and prefer them
        reports["report-to"] = "csp"
    return reports | {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": _sources("'self'", _origin(settings.strongroom_url)),
        "form-action": "'self'",
        "base-uri": "'none'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
    }


def checkout_policy(settings: ShopSettings) -> Policy:
    """The page that takes cards: Stripe's script, its calls and frames."""
    stand_in = [_origin(settings.stripe_js_url)]
    real = settings.uses_real_stripe
    scripts, calls, frames = (
        [*each] if real else stand_in for each in (STRIPE_SCRIPTS, STRIPE_CALLS, STRIPE_FRAMES)
    )
    return page_policy(settings) | {
        "script-src": _sources("'self'", *scripts),
        "connect-src": _sources("'self'", _origin(settings.strongroom_url), *calls),
        "frame-src": _sources(*frames),
    }


def permissions(settings: ShopSettings | None = None) -> Policy:
    """No camera, no place; wallets (Apple Pay, Google Pay) only where `settings` are given."""
    unused = dict.fromkeys(("camera", "geolocation", "microphone", "usb"), "()")
    if settings is None:
        return unused | {"payment": "()"}
    stripe = STRIPE_SCRIPTS[0] if settings.uses_real_stripe else _origin(settings.stripe_js_url)
    return unused | {"payment": f'(self "{stripe}")'}


def install_policies(app: Flask, settings: ShopSettings) -> None:
    """Set the headers of every answer; views that take cards are marked by `takes_cards`."""
    https = _is_https(settings)
    Talisman(
        app,
        force_https=https,
        strict_transport_security=https,
        strict_transport_security_max_age=_YEARS_2_S,
        content_security_policy=page_policy(settings),
        frame_options="DENY",
        # With no-referrer, browsers hide the origin of our own forms from us too.
        referrer_policy="same-origin",
        permissions_policy=permissions(),
        session_cookie_secure=https,
    )
    app.after_request(lambda answer: _isolate(answer, settings))

    @app.post(REPORTS)
    def reports() -> tuple[Response, int]:
        note_violations()
        return jsonify(), 202


def takes_cards(settings: ShopSettings) -> Callable[[_View], _View]:
    """Mark a view that answers with a page on which a card is typed in."""

    def mark(view: _View) -> _View:
        view.talisman_view_options = {  # type: ignore[attr-defined] # read by flask-talisman
            "content_security_policy": checkout_policy(settings),
            "permissions_policy": permissions(settings),
        }
        return view

    return mark


def _isolate(answer: Response, settings: ShopSettings) -> Response:
    # Banks open windows for 3D Secure: those are let go of, and whoever opens us is not. There is
    # no Cross-Origin-Embedder-Policy, since Stripe's frames do not say that they may be embedded.
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if _is_https(settings):
        answer.headers["Reporting-Endpoints"] = f'csp="{settings.url}{REPORTS}"'
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def _is_https(settings: ShopSettings) -> bool:
    return settings.url.startswith("https:")


def _sources(*sources: str) -> str:
    return " ".join(sources)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
