"""Asks for the addresses of a name, once for each call."""

import ipaddress
import socket
from collections.abc import Callable, Sequence

from payments.outgoing.addresses import IPAddress
from payments.outgoing.errors import NoAnswerError

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host and port as text; raises OSError when there are none."""


def ask_the_system(host: str, port: int) -> list[str]:
    """Return the addresses the machine's resolver knows, in the order to try them in.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def addresses_of(host: str, port: int, *, resolve: Resolver) -> list[IPAddress]:
    """Return all addresses of a name.

    Raises:
        NoAnswerError: there are none.
    """
    try:
        addresses = [ipaddress.ip_address(text) for text in resolve(host, port)]
    except (OSError, ValueError):
        raise NoAnswerError("unknown_host") from None
    if not addresses:
        raise NoAnswerError("unknown_host")
    return addresses
