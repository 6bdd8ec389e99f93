"""Addresses and hashes as the chain writes them."""

from eth_utils.address import is_checksum_address, to_checksum_address
from eth_utils.crypto import keccak


def checksum(address: str) -> str:
    """Return an address with the capitals of its checksum (EIP-55).

    Raises:
        ValueError: it is no address.
    """
    return str(to_checksum_address(address))


def is_checksummed(address: str) -> bool:
    """Whether it is an address, and has the capitals of its checksum (EIP-55)."""
    return bool(is_checksum_address(address))


def keccak_of(text: str) -> str:
    """Return the Keccak-256 of a text, 0x-prefixed: what a contract knows one of our ids by."""
    return f"0x{keccak(text=text).hex()}"
