"""The way to an escrow's chain."""

from collections.abc import Mapping

from payments.providers.chain_port import ChainPort
from payments.providers.outcome import OutcomeUnknownError


def chain_port(ports: Mapping[str, ChainPort], chain: str) -> ChainPort:
    """Return a chain.

    Raises:
        OutcomeUnknownError: it is not set up here, or not any more.
    """
    port = ports.get(chain)
    if port is None:
        raise OutcomeUnknownError(f"The chain {chain} is not set up here.")
    return port
