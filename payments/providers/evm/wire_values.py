"""Values as JSON-RPC writes them; what has another form is a ValueError, never a guess.

https://ethereum.org/en/developers/docs/apis/json-rpc/#conventions
"""

import re
from typing import Any

from payments.providers.evm.addresses import checksum

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_ADDRESS_BYTES = 20
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


def quantity(value: Any) -> int:
    """Return a whole number: `0x1f` is 31."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise ValueError("no quantity")
    return int(value, 16)


def unformatted(value: Any) -> bytes:
    """Return bytes: `0x` is none."""
    if not isinstance(value, str) or not _BYTES.fullmatch(value):
        raise ValueError("no bytes")
    return bytes.fromhex(value[2:])


def hash32(value: Any) -> str:
    """Return a hash in lower case."""
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise ValueError("no hash")
    return value.lower()


def address(value: Any) -> str:
    """Return an address, checksummed."""
    if len(unformatted(value)) != _ADDRESS_BYTES:
        raise ValueError("no address")
    return checksum(value)


def padded(text: str) -> str:
    """Return an address as a log's topic has it: with twelve zero bytes before it."""
    return f"0x{'0' * 24}{text[2:].lower()}"
