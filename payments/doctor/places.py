"""Where a server is: whether what is said to it leaves this machine."""

import ipaddress
from urllib.parse import parse_qs, urlsplit


def leaves_the_machine(url: str) -> bool:
    """Whether a connection to a URL's host goes over a network; a socket of this machine does not.

    A name that is not `localhost` counts as away: it may lead anywhere tomorrow.
    """
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query).get("host", [""])[0]
    if not host or host.startswith("/") or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def option(url: str, name: str) -> str | None:
    """Return an option of a URL's query; the last one counts."""
    values = parse_qs(urlsplit(url).query).get(name)
    return values[-1] if values else None
