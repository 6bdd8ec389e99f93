"""Which addresses we may call: public ones, and private ones of networks that an operator named.

The ranges are those of IANA's special-purpose registries (RFC 6890 and its successors); Python's
own lists change with its version.
"""

import ipaddress
from collections.abc import Iterable
from enum import StrEnum

from payments.variables import IPNetwork

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # all that IANA gives out

# Never called, whatever an operator names: where clouds keep metadata and credentials, what is
# nobody's, and what is everybody's.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "169.254.0.0/16",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "100.100.100.200/32",
            "168.63.129.16/32",
            "192.0.0.192/32",
            "::/128",
            "fe80::/10",
            "ff00::/8",
            "fd00:ec2::/32",
            "fd20:ce::/32",
        ),
    )
)
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' and clouds' own
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "2001::/23",  # protocols' own, Teredo among them: an IPv4 address in disguise
            "2001:db8::/32",
            "2002::/16",  # 6to4: another disguise
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)


class Reach(StrEnum):
    """What an address is to us."""

    PUBLIC = "public"
    NAMED = "named"  # of a private network that an operator named
    REFUSED = "refused"


def reach_of(address: IPAddress, *, private_networks: Iterable[IPNetwork]) -> Reach:
    """Return whether an address may be called; one written in another counts as what it means."""
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return Reach.REFUSED
    meant = _meant(address)
    if _is_in(meant, _NEVER):
        return Reach.REFUSED
    if _is_in(meant, private_networks):
        return Reach.NAMED
    if _is_in(meant, _NOT_PUBLIC):
        return Reach.REFUSED
    if meant.version == 6 and meant not in _PUBLIC_V6:  # noqa: PLR2004 - the protocol's number
        return Reach.REFUSED
    return Reach.PUBLIC


def _meant(address: IPAddress) -> IPAddress:
    """Return the IPv4 address within a mapped (RFC 4291) or translated (RFC 6052) one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_in(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    return any(address.version == one.version and address in one for one in networks)
