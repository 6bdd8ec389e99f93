"""Where the contracts of every local chain are, and whose coins there are at its beginning.

The addresses follow from who makes the contracts, so that settings can tell them beforehand.
"""

from collections.abc import Mapping

import rlp
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak

from sandbox.chain.wallet import Wallet

CHAIN_ID = 31337
MAKER = Wallet.named("maker of contracts")
FAUCET = Wallet.named("faucet")


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Return where a contract is that an account made with a transaction of its own."""
    return keccak(rlp.encode([bytes(sender), nonce]))[12:]


def _made(nonce: int) -> str:
    maker = to_canonical_address(MAKER.address)
    return str(to_checksum_address(contract_address(maker, nonce)))


TOKEN = _made(0)
IMPLEMENTATION = _made(1)
FACTORY = _made(2)
BALANCES: Mapping[bytes, int] = {
    to_canonical_address(MAKER.address): 10**20,
    to_canonical_address(FAUCET.address): 10**27,
}
"""What accounts have in the first block, in wei."""
