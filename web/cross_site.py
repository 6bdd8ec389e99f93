"""Refuses what a page of another site makes a browser send with the session's cookie.

No token is asked for besides: whoever can read one (a page of a trusted origin, or a script in it)
passes here as well, and whoever cannot is known by the origin, which no page can forge.
"""

from urllib.parse import urlsplit

from flask import request

from payments.errors import ForbiddenError
from web.parts import Parts

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})  # our own page; or no page: typed, or a bookmark


def refuse_foreign_sites(parts: Parts) -> None:
    """Refuse a request with a cookie that neither our page nor a trusted one has made.

    What changes something needs a trusted origin, or the browser's word that it is our own. What
    only reads is refused when the browser says (https://www.w3.org/TR/fetch-metadata/) that
    another site loads it into a page; links that lead here are followed.

    Raises:
        ForbiddenError: neither the origin nor the browser's fetch metadata is trusted.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None:
        trusted = origin in parts.settings.trusted_origins or _is_own(parts, origin)
    elif request.method in SAFE_METHODS:
        trusted = site is None or site in _OWN or _opens_a_page()
    else:
        trusted = site == "same-origin"
    if not trusted:
        raise ForbiddenError(
            "A session cookie is accepted from trusted origins only.", code="origin_not_trusted"
        )


def _opens_a_page() -> bool:
    """Whether a window goes to the address: no frame, no picture, no script, no fetch."""
    mode, into = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    return request.method == "GET" and mode == "navigate" and into == "document"


def _is_own(parts: Parts, origin: str) -> bool:
    own = urlsplit(request.host_url)
    # Whatever brings HTTPS to an end before us: outside the sandbox nothing else reaches a view.
    scheme = own.scheme if parts.settings.is_sandbox else "https"
    return origin == f"{scheme}://{own.netloc}"
