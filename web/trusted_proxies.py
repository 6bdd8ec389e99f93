"""Who calls when a proxy stands in between: X-Forwarded-* is believed from TRUSTED_PROXIES only.

From anybody else these headers are taken away before anything reads them, so that nobody claims
another address, HTTPS, or another host (OWASP ASVS 5.0, 4.1.3 and 15.3.4).
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from werkzeug.http import parse_list_header
from werkzeug.middleware.proxy_fix import ProxyFix

from payments.variables import IPNetwork

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LONGEST_CHAIN = 10
_PREFIX = "HTTP_X_FORWARDED_"
_BELIEVED = frozenset({"FOR", "PROTO", "HOST"})
_SCHEMES = frozenset({"http", "https"})


class TrustedProxies:
    """Believes proxies of the given networks, through as many of them as stand in a row."""

    def __init__(self, app: "WSGIApplication", networks: Sequence[IPNetwork]) -> None:
        self._app = app
        self._networks = networks
        self._fixes = [ProxyFix(app, x_for=n, x_host=1) for n in range(1, LONGEST_CHAIN + 1)]

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve a request whose address, scheme and host are the caller's, or the peer's."""
        if not self._is_trusted(environ.get("REMOTE_ADDR", "")):
            _forget(environ, but=frozenset())
            return self._app(environ, start_response)
        _forget(environ, but=_BELIEVED)
        chain = parse_list_header(environ.get(f"{_PREFIX}FOR", ""))[-LONGEST_CHAIN:]
        depth = 1
        while depth < len(chain) and self._is_trusted(chain[-depth]):
            depth += 1
        if chain and not _is_address(chain[-depth]):
            del environ[f"{_PREFIX}FOR"]
        protocols = parse_list_header(environ.get(f"{_PREFIX}PROTO", ""))
        if protocols and protocols[-1] not in _SCHEMES:
            del environ[f"{_PREFIX}PROTO"]
        return self._fixes[depth - 1](environ, start_response)

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self._networks)


def _forget(environ: "WSGIEnvironment", *, but: frozenset[str]) -> None:
    """Take away what proxies would say, apart from what is believed."""
    environ.pop("HTTP_FORWARDED", None)  # RFC 7239: nothing of ours reads it
    for name in [name for name in environ if name.startswith(_PREFIX)]:
        if name.removeprefix(_PREFIX) not in but:
            del environ[name]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
