"""Settings against abuse: how many requests a minute, and which proxies are believed."""

from collections.abc import Mapping

from payments.variables import IPNetwork, Variables

MOST_PER_MINUTE = 10_000_000

RATE_LIMITS: Mapping[str, int] = {
    # A buyer, a seller, one of the staff: by token, session or signed link.
    "person.sign_ins": 5,
    "person.payments": 60,
    "person.releases": 10,
    "person.documents": 10,
    "person.requests": 600,
    # An API key: the platform's backend acts for all of its buyers at once.
    "program.requests": 60_000,
    # Whoever is not known, by address: what failed, and what anybody may see.
    "address.sign_ins": 20,
    "address.bad_credentials": 60,
    "address.bad_signatures": 60,
    "address.requests": 600,
}
"""How many are allowed in a minute, unless RATE_LIMITS says otherwise."""


def read_rate_limits(reader: Variables, name: str) -> Mapping[str, int]:
    """Return the limits of a minute: the usual ones, and in their place those that are given."""
    given = reader.json_object(name) if reader.is_given(name) else {}
    unknown = sorted(set(given) - set(RATE_LIMITS))
    if unknown:
        known = ", ".join(RATE_LIMITS)
        reader.fault(f"{name} names {', '.join(unknown)}; the limits are {known}")
    unusable = [key for key, value in given.items() if not _is_limit(value)]
    if unusable:
        reader.fault(
            f"{name} must give whole numbers from 1 to {MOST_PER_MINUTE}, requests in a minute, "
            f"for {', '.join(unusable)}"
        )
        return RATE_LIMITS
    return {**RATE_LIMITS, **given}


def read_trusted_proxies(reader: Variables, name: str) -> tuple[IPNetwork, ...]:
    """Return the addresses and networks, separated by commas, whose X-Forwarded-* is believed."""
    found = reader.networks(name)
    for network in found:
        if network.prefixlen == 0:
            reader.fault(f"{name} lists '{network}': then anybody could claim any address")
    return found


def _is_limit(value: object) -> bool:
    return type(value) is int and 1 <= value <= MOST_PER_MINUTE
