"""What is on the chain from its first blocks: the escrow factory and a test token, where known."""

from collections.abc import Iterable
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.address import to_canonical_address

from payments.providers.evm import artifacts
from sandbox.chain import token_contract
from sandbox.chain.local_chain import LocalChain
from sandbox.chain.places import CHAIN_ID, FAUCET, IMPLEMENTATION, MAKER, TOKEN
from sandbox.chain.wallet import Wallet, calldata

_GAS = 5_000_000
_GWEI = 10**9


@dataclass(frozen=True)
class Gift:
    """What an account gets to begin with: wei, and the token's minor units."""

    address: str
    wei: int
    tokens: int = 0


def begin(chain: LocalChain, gifts: Iterable[Gift]) -> None:
    """Make the contracts and give the gifts, unless the chain has begun before."""
    with chain.turn:
        if chain.head.number:
            return
        for raw in contract_transactions():
            chain.send(raw)
            chain.mine()
        for gift in gifts:
            give(chain, gift)
        chain.mine()


def contract_transactions() -> list[bytes]:
    """Return what makes the contracts, signed, to be mined in this order."""
    implementation = encode(["address"], [IMPLEMENTATION])
    codes = (
        token_contract.bytecode(),
        artifacts.escrow().bytecode,
        artifacts.escrow_factory().bytecode + implementation,
    )
    return [_signed(MAKER, nonce, None, code) for nonce, code in enumerate(codes)]


def gift_transactions(gift: Gift, *, nonce: int) -> list[bytes]:
    """Return what gives a gift, signed by the faucet, whose next transaction has this nonce."""
    raws = []
    if gift.wei:
        raws.append(_signed(FAUCET, nonce, gift.address, b"", gift.wei))
    if gift.tokens:
        mint = calldata("mint(address,uint256)", gift.address, gift.tokens)
        raws.append(_signed(FAUCET, nonce + len(raws), TOKEN, mint))
    return raws


def give(chain: LocalChain, gift: Gift) -> list[str]:
    """Send an account coins and tokens from the faucet; return the transactions' hashes."""
    with chain.turn:
        nonce = chain.nonce(to_canonical_address(FAUCET.address), pending=True)
        raws = gift_transactions(gift, nonce=nonce)
        return [f"0x{chain.send(raw).hex()}" for raw in raws]


def _signed(wallet: Wallet, nonce: int, to: str | None, data: bytes, value: int = 0) -> bytes:
    return wallet.sign(
        chain_id=CHAIN_ID,
        nonce=nonce,
        to=to,
        gas=_GAS,
        max_fee=100 * _GWEI,
        priority_fee=2 * _GWEI,
        data=data,
        value=value,
    )
