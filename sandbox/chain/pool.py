"""Transactions that wait for a block, under the rules of a real node (go-ethereum's words)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eth.abc import SignedTransactionAPI

from sandbox.chain.evm import GAS_LIMIT
from sandbox.chain.places import CHAIN_ID

REPLACEMENT_PERCENT = 10


class RefusedError(Exception):
    """The node does not take a transaction; the text is what it says."""


@dataclass(frozen=True)
class Waiting:
    """A transaction in the pool: as it came, who sent it, and after how many others."""

    raw: bytes
    transaction: SignedTransactionAPI
    sender: bytes
    turn: int

    @property
    def hash(self) -> bytes:
        """What it is known by."""
        return self.transaction.hash

    @property
    def nonce(self) -> int:
        """Which of its sender's transactions it is, counted from 0."""
        return int(self.transaction.nonce)

    @property
    def cost(self) -> int:
        """What its sender must have, in wei."""
        return int(self.transaction.gas * self.transaction.max_fee_per_gas + self.transaction.value)


class Pool:
    """What waits, one transaction for each sender and nonce."""

    def __init__(self, decode: Callable[[bytes], SignedTransactionAPI]) -> None:
        self._decode = decode
        self._waiting: dict[tuple[bytes, int], Waiting] = {}
        self._turn = 0
        self.minimum_tip = 1
        """What a block asks as tip for each unit of gas; what offers less waits."""

    def read(self, raw: bytes) -> Waiting:
        """Return what signed bytes are.

        Raises:
            RefusedError: no transaction, or not one for this chain.
        """
        try:
            transaction = self._decode(raw)
            sender = bytes(transaction.sender)
        except Exception as error:
            raise RefusedError(f"invalid transaction: {error}") from error
        chain_id = transaction.chain_id
        if chain_id is not None and chain_id != CHAIN_ID:
            raise RefusedError(
                f"invalid sender: invalid chain id for signer: have {chain_id} want {CHAIN_ID}"
            )
        self._turn += 1
        return Waiting(raw, transaction, sender, self._turn)

    def add(self, one: Waiting, *, nonce: int, balance: int) -> Waiting | None:
        """Let a transaction wait; return the one whose place it takes, if any.

        Raises:
            RefusedError: by its sender's `nonce` and `balance` (wei) now, or by what waits.
        """
        _check(one, nonce=nonce, balance=balance)
        key = (one.sender, one.nonce)
        replaced = self._waiting.get(key)
        if replaced is not None:
            if replaced.hash == one.hash:
                raise RefusedError("already known")
            if not _outbids(one, replaced):
                raise RefusedError("replacement transaction underpriced")
        self._waiting[key] = one
        return replaced

    def put(self, one: Waiting) -> None:
        """Let a transaction wait whatever the rules say, in place of any other of its nonce."""
        self._waiting[(one.sender, one.nonce)] = one

    def remove(self, tx_hash: bytes) -> Waiting | None:
        """Forget a transaction, and return it if it was there."""
        one = self.find(tx_hash)
        if one is not None:
            del self._waiting[(one.sender, one.nonce)]
        return one

    def find(self, tx_hash: bytes) -> Waiting | None:
        """Return what waits under a hash."""
        return next((one for one in self._waiting.values() if one.hash == tx_hash), None)

    def waiting(self) -> list[Waiting]:
        """Return everything that waits, in the order in which it came."""
        return sorted(self._waiting.values(), key=lambda one: one.turn)

    def forget_mined(self, sender: bytes, nonce: int) -> list[Waiting]:
        """Remove and return what waits under nonces that are used up by now."""
        gone = [key for key in self._waiting if key[0] == sender and key[1] < nonce]
        return [self._waiting.pop(key) for key in gone]

    def next_nonce(self, sender: bytes, nonce: int) -> int:
        """Return the first nonce from this one on that nothing waits under."""
        while (sender, nonce) in self._waiting:
            nonce += 1
        return nonce

    def executable(self, nonce_of: Callable[[bytes], int], *, base_fee: int) -> Iterator[Waiting]:
        """Yield what a block could hold now: by tip, each sender's in the order of their nonces."""
        nonces = {sender: nonce_of(sender) for sender, _nonce in self._waiting}
        while True:
            first = [
                one
                for sender, nonce in nonces.items()
                if (one := self._waiting.get((sender, nonce))) is not None
                and _tip(one.transaction, base_fee) >= self.minimum_tip
            ]
            if not first:
                return
            best = max(first, key=lambda one: (_tip(one.transaction, base_fee), -one.turn))
            nonces[best.sender] += 1
            yield best


def _tip(transaction: SignedTransactionAPI, base_fee: int) -> int:
    offered = transaction.max_fee_per_gas - base_fee
    return int(min(offered, transaction.max_priority_fee_per_gas))


def _check(one: Waiting, *, nonce: int, balance: int) -> None:
    transaction = one.transaction
    if one.nonce < nonce:
        raise RefusedError(f"nonce too low: next nonce {nonce}, tx nonce {one.nonce}")
    if transaction.gas > GAS_LIMIT:
        raise RefusedError("exceeds block gas limit")
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise RefusedError(
            "max priority fee per gas higher than max fee per gas: "
            f"maxPriorityFeePerGas: {transaction.max_priority_fee_per_gas}, "
            f"maxFeePerGas: {transaction.max_fee_per_gas}"
        )
    if transaction.max_priority_fee_per_gas < 1:
        raise RefusedError("transaction underpriced: tip needed 1, tip permitted 0")
    if transaction.gas < transaction.intrinsic_gas:
        raise RefusedError(
            f"intrinsic gas too low: gas {transaction.gas}, "
            f"minimum needed {transaction.intrinsic_gas}"
        )
    if balance < one.cost:
        raise RefusedError(
            f"insufficient funds for gas * price + value: balance {balance}, "
            f"tx cost {one.cost}, overshot {one.cost - balance}"
        )


def _outbids(one: Waiting, other: Waiting) -> bool:
    """Whether both its fees are at least a tenth above those of the one it would replace."""
    return all(
        100 * new >= (100 + REPLACEMENT_PERCENT) * old
        for new, old in (
            (one.transaction.max_fee_per_gas, other.transaction.max_fee_per_gas),
            (
                one.transaction.max_priority_fee_per_gas,
                other.transaction.max_priority_fee_per_gas,
            ),
        )
    )
