"""Where a URL leads, read strictly: what two programs could read differently is refused."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from payments.outgoing.addresses import IPAddress, Reach, reach_of
from payments.outgoing.errors import CallRefusedError
from payments.variables import IPNetwork

LONGEST_URL = 500
PUBLIC_PORTS = (443, 8443)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_PLAIN = re.compile(r"[\x21-\x7e]+")  # no spaces, control characters, letters of other scripts
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LONGEST_NAME = 253
# inet_aton and browsers read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses.
_NUMBER_AT_THE_END = re.compile(r"(^|\.)(0x[0-9a-f]*|[0-9]+)$")


@dataclass(frozen=True)
class Target:
    """Where a URL leads; `address` is set when its host is one, and no name."""

    scheme: str
    host: str
    port: int
    path: str
    address: IPAddress | None

    @property
    def is_encrypted(self) -> bool:
        """Whether it is called over TLS."""
        return self.scheme == "https"


def read_target(url: str, *, private_networks: Sequence[IPNetwork]) -> Target:
    """Return where a URL leads, as far as can be told without asking for its name.

    Raises:
        CallRefusedError: it is not one that we call.
    """
    if len(url) > LONGEST_URL or not _PLAIN.fullmatch(url) or "\\" in url:
        raise CallRefusedError("url_malformed", "Use a URL of at most 500 plain characters.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise CallRefusedError("url_malformed", "This is not a URL.") from None
    _check_form(parts.scheme, has_login="@" in parts.netloc, has_fragment="#" in url)
    address = _read_host(host, in_brackets="[" in parts.netloc)
    target = Target(
        scheme=parts.scheme,
        host=host,
        port=_DEFAULT_PORTS[parts.scheme] if port is None else port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        address=address,
    )
    if address is not None:
        check_reach(target, [address], private_networks=private_networks)
    elif not target.is_encrypted and not private_networks:
        raise _no_plain_http()
    return target


def check_reach(
    target: Target, addresses: Sequence[IPAddress], *, private_networks: Sequence[IPNetwork]
) -> None:
    """Refuse a target when any of its addresses may not be called in its way.

    Raises:
        CallRefusedError: an address is private or special, or plain HTTP or an odd port is asked
            of a public one.
    """
    for address in addresses:
        reach = reach_of(address, private_networks=private_networks)
        if reach is Reach.REFUSED:
            raise CallRefusedError(
                "address_not_allowed",
                "This leads into a private or special network; see NOTICE_PRIVATE_NETWORKS.",
            )
        if reach is Reach.PUBLIC and not target.is_encrypted:
            raise _no_plain_http()
        if reach is Reach.PUBLIC and target.port not in PUBLIC_PORTS:
            raise CallRefusedError("port_not_allowed", "Use port 443 or 8443.")


def _check_form(scheme: str, *, has_login: bool, has_fragment: bool) -> None:
    if scheme not in _DEFAULT_PORTS:
        raise CallRefusedError("scheme_not_allowed", "Use https.")
    if has_login:
        raise CallRefusedError("url_malformed", "Leave the user and password out of the URL.")
    if has_fragment:
        raise CallRefusedError("url_malformed", "Leave the fragment (#…) out of the URL.")


def _read_host(host: str, *, in_brackets: bool) -> IPAddress | None:
    """Return the address that a host is; None for a name.

    Raises:
        CallRefusedError: it is neither, or an address in an unusual form.
    """
    if in_brackets or (_NUMBER_AT_THE_END.search(host) and host.count(".") == 3):  # noqa: PLR2004 - dots of an IPv4 address
        try:
            return ipaddress.ip_address(host)
        except ValueError:
            pass
    is_name = len(host) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, host.split(".")))
    if in_brackets or not is_name or _NUMBER_AT_THE_END.search(host):
        raise CallRefusedError(
            "host_malformed", "Use a host name, or an address in its usual form."
        )
    return None


def _no_plain_http() -> CallRefusedError:
    return CallRefusedError("scheme_not_allowed", "Use https; http is for private networks only.")
