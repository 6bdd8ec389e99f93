"""The settings of notices to the platform's backend: which private networks they may be sent to."""

import ipaddress
from collections.abc import Sequence

from payments.variables import IPNetwork, Variables

# RFC 1918, RFC 6598 (a provider's own), RFC 4193, and this machine.
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "fc00::/7",
            "::1/128",
        ),
    )
)


def read_private_networks(reader: Variables, name: str) -> tuple[IPNetwork, ...]:
    """Return the networks that a variable lists, separated by commas; none when it is not given.

    Only private ones: a public address needs no leave, and link-local ones are where a cloud's
    metadata lie.
    """
    found = reader.networks(name)
    for network in found:
        if not _is_within(network, _PRIVATE):
            reader.fault(f"{name} lists '{network}', which is no private network")
    return found


def _is_within(network: IPNetwork, networks: Sequence[IPNetwork]) -> bool:
    return any(
        network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type] # of one version
        for other in networks
    )
