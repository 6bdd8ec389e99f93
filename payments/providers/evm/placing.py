"""Where our contracts are on any chain, and what to send to put them there.

They are made by a contract that is at one address on nearly every chain and makes others by CREATE2
(EIP-1014): with no constructor's freedom left, the same code is at the same address everywhere.
Anybody may send the transactions, from any wallet, in this order; what is there already cannot be
put there again. https://github.com/Arachnid/deterministic-deployment-proxy
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_utils.crypto import keccak

from payments.providers.evm import artifacts
from payments.providers.evm.addresses import checksum

PLACER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
_SALT = bytes(32)
_WORD = 32


@dataclass(frozen=True)
class Placement:
    """A contract's address, and the transaction that puts it there: `calldata` sent to `to`."""

    contract: str
    address: str
    to: str
    calldata: bytes = field(repr=False)


def placements(*, placer: str = PLACER) -> Sequence[Placement]:
    """Return our contracts in the order in which they are put on a chain; the factory is last."""
    shared = _placed("escrow", artifacts.escrow().bytecode, placer)
    argument = bytes.fromhex(shared.address[2:]).rjust(_WORD, b"\0")
    factory_code = artifacts.escrow_factory().bytecode + argument
    return [shared, _placed("escrow_factory", factory_code, placer)]


def _placed(contract: str, creation_code: bytes, placer: str) -> Placement:
    made_by = b"\xff" + bytes.fromhex(placer[2:]) + _SALT + keccak(creation_code)
    address = checksum(f"0x{keccak(made_by)[12:].hex()}")
    return Placement(contract, address, placer, _SALT + creation_code)
