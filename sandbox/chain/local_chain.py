"""The chain: its blocks, what waits for the next, and how a branch takes another's place."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eth.abc import StateAPI
from eth_typing import Address
from eth_utils.crypto import keccak

from sandbox.chain.evm import Evm, MinedBlock
from sandbox.chain.nodes import Nodes
from sandbox.chain.pool import Pool, Waiting

BUSY_BLOCKS = 12
"""After a transaction, so many blocks follow; then the chain is idle."""
_IDLE_BLOCK_S = 3600
_POOL = "strongroom/pool/"
_AHEAD = b"strongroom/ahead_s"
_BRANCHES = b"strongroom/branches"
_TURN_BYTES = 8


@dataclass(frozen=True)
class Place:
    """Where a transaction is in the chain as it is now."""

    block: MinedBlock
    index: int


@dataclass(frozen=True, kw_only=True)
class Reorganisation:
    """What a branch looks like that takes the place of the last `depth` blocks.

    Transactions of the old branch are in the new one's block `at` (0 is its first), and wait again
    when it has none there. Those of `drop` are forgotten; those of `hold` wait, and are not in the
    new branch. `include` are signed transactions put in first, in place of any with their nonce.
    """

    depth: int
    length: int | None = None
    at: int = 0
    drop: Collection[bytes] = ()
    hold: Collection[bytes] = ()
    include: Sequence[bytes] = ()


class LocalChain:
    """One chain, for any number of threads; it survives a restart when it has a file."""

    def __init__(
        self, path: Path | None, *, now: Callable[[], float], balances: Mapping[bytes, int]
    ) -> None:
        """`balances` is what accounts have in the first block, in wei."""
        self.turn = threading.RLock()
        self._now = now
        self._nodes = Nodes(path)
        self.evm = Evm(self._nodes, genesis_time=int(now()), balances=balances)
        self._nodes.commit()
        self.pool = Pool(self.evm.decode)
        self.blocks: list[MinedBlock] = []
        self._places: dict[bytes, Place] = {}
        for block in self.evm.canonical():
            self._append(block)
        self._kept_pool: set[bytes] = set()
        self._fill_pool()

    # ---- reading -----------------------------------------------------------------------------

    @property
    def head(self) -> MinedBlock:
        """The newest block."""
        return self.blocks[-1]

    def now(self) -> int:
        """Seconds since 1970, as the chain sees it."""
        return int(self._now()) + self._number(_AHEAD)

    def place_of(self, tx_hash: bytes) -> Place | None:
        """Return where a mined transaction is."""
        return self._places.get(tx_hash)

    def state(self, block: MinedBlock) -> StateAPI:
        """Return what accounts hold after a block; at the head, the time is that of the next."""
        with self.turn:
            if block is self.head:
                return self.evm.state_at(block, timestamp=max(self.now(), block.timestamp))
            return self.evm.state_at(block)

    def nonce(self, account: bytes, *, pending: bool = False) -> int:
        """Return how many transactions of an account are mined, or also wait without a gap."""
        with self.turn:
            mined = int(self.state(self.head).get_nonce(Address(account)))
            return self.pool.next_nonce(account, mined) if pending else mined

    def wants_block(self) -> bool:
        """Whether a miner should make one: something waits, or was mined lately."""
        with self.turn:
            recent = self.blocks[-BUSY_BLOCKS:]
            idle_s = self.now() - self.head.timestamp
            return (
                any(block.transactions for block in recent)
                or bool(self._executable())
                or idle_s > _IDLE_BLOCK_S
            )

    # ---- changing ----------------------------------------------------------------------------

    def send(self, raw: bytes) -> bytes:
        """Let a signed transaction wait for a block; return its hash.

        Raises:
            RefusedError: a node would not take it.
        """
        one = self.pool.read(raw)  # recovering the sender takes long: not in our turn
        with self.turn:
            state = self.state(self.head)
            self.pool.add(
                one,
                nonce=state.get_nonce(Address(one.sender)),
                balance=state.get_balance(Address(one.sender)),
            )
            self._commit()
        return one.hash

    def mine(self, count: int = 1) -> list[MinedBlock]:
        """Make blocks, the first with everything that can be in one."""
        with self.turn:
            return [self._mine_one() for _ in range(count)]

    def pass_time(self, seconds: int) -> MinedBlock:
        """Put the chain's clock forward, and make a block at its new time."""
        with self.turn:
            then = self.head.timestamp + seconds
            self._set_number(_AHEAD, self._number(_AHEAD) + seconds)
            return self._mine_one(timestamp=max(self.now(), then))

    def reorganise(self, wanted: Reorganisation) -> list[MinedBlock]:
        """Replace the last blocks by a branch that is one longer, unless told how long.

        Raises:
            ValueError: there are not so many blocks, or the branch would have none.
        """
        with self.turn:
            length = wanted.depth + 1 if wanted.length is None else wanted.length
            if not 0 < wanted.depth < len(self.blocks) or length < 1:
                raise ValueError(f"no branch of {length} replaces {wanted.depth} blocks")
            self._set_number(_BRANCHES, self._number(_BRANCHES) + 1)
            gone = self._pop(wanted.depth)
            self._return_to_pool(gone, wanted)
            times = [block.timestamp for block in gone]
            branch = []
            for index in range(length):
                at_least = times[index] if index < len(times) else None
                held = set(wanted.hold) if index >= wanted.at else None
                branch.append(self._mine_one(timestamp=at_least, held=held))
            return branch

    def set_balances(self, balances: Mapping[bytes, int]) -> MinedBlock:
        """Have accounts hold just so much wei from a new block on, which holds nothing else."""
        with self.turn:
            return self._mine_one(held=None, balances=balances)

    def forget(self, tx_hash: bytes) -> bool:
        """Forget a transaction that waits; False if it does not."""
        with self.turn:
            gone = self.pool.remove(tx_hash) is not None
            self._commit()
            return gone

    def close(self) -> None:
        """Close the file."""
        with self.turn:
            self._nodes.close()

    # ---- inside ------------------------------------------------------------------------------

    def _executable(self) -> list[Waiting]:
        state = self.state(self.head)
        base_fee = self.evm.next_base_fee(self.head)
        return list(
            self.pool.executable(lambda who: state.get_nonce(Address(who)), base_fee=base_fee)
        )

    def _mine_one(
        self,
        *,
        timestamp: int | None = None,
        held: Collection[bytes] | None = (),
        balances: Mapping[bytes, int] | None = None,
    ) -> MinedBlock:
        """Make a block without what is `held`; None holds everything."""
        parent = self.head
        chosen = [] if held is None else [o for o in self._executable() if o.hash not in held]
        earliest = self.now() if timestamp is None else timestamp
        mix_hash = keccak(parent.hash + self._number(_BRANCHES).to_bytes(8))
        try:
            block = self.evm.make_block(
                parent,
                [one.transaction for one in chosen],
                timestamp=max(parent.timestamp + 1, earliest),
                mix_hash=mix_hash,
                balances=balances or {},
            )
        except BaseException:
            self._nodes.discard()
            raise
        self._append(block)
        self._clear_pool(block)
        self._commit()
        return block

    def _append(self, block: MinedBlock) -> None:
        self.blocks.append(block)
        for index, transaction in enumerate(block.transactions):
            self._places[transaction.hash] = Place(block, index)

    def _pop(self, depth: int) -> list[MinedBlock]:
        gone = self.blocks[-depth:]
        del self.blocks[-depth:]
        for block in gone:
            for transaction in block.transactions:
                del self._places[transaction.hash]
        return gone

    def _return_to_pool(self, gone: Iterable[MinedBlock], wanted: Reorganisation) -> None:
        for tx_hash in wanted.drop:
            self.pool.remove(tx_hash)
        for block in gone:
            for transaction in block.transactions:
                if transaction.hash not in wanted.drop:
                    self.pool.put(self.pool.read(transaction.encode()))
        for raw in wanted.include:
            self.pool.put(self.pool.read(raw))

    def _clear_pool(self, block: MinedBlock) -> None:
        state = self.state(block)
        for transaction in block.transactions:
            sender = bytes(transaction.sender)
            self.pool.forget_mined(sender, state.get_nonce(Address(sender)))

    def _fill_pool(self) -> None:
        kept = sorted(self._nodes.named(_POOL).values())
        for value in kept:
            one = self.pool.read(value[_TURN_BYTES:])
            self.pool.put(one)
            self._kept_pool.add(one.hash)

    def _commit(self) -> None:
        """Keep the blocks and what waits, together."""
        waiting = {one.hash: one for one in self.pool.waiting()}
        for tx_hash in self._kept_pool - waiting.keys():
            del self._nodes[_pool_key(tx_hash)]
        for tx_hash in waiting.keys() - self._kept_pool:
            one = waiting[tx_hash]
            self._nodes[_pool_key(tx_hash)] = one.turn.to_bytes(_TURN_BYTES) + one.raw
        self._kept_pool = set(waiting)
        self._nodes.commit()

    def _number(self, key: bytes) -> int:
        return int.from_bytes(self._nodes.get(key, b""))

    def _set_number(self, key: bytes, value: int) -> None:
        self._nodes[key] = value.to_bytes(8)


def _pool_key(tx_hash: bytes) -> bytes:
    return f"{_POOL}{tx_hash.hex()}".encode()
