"""The virtual machine: makes blocks of transactions on any parent, and tries calls out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth.abc import BlockAPI, BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, GENESIS_PARENT_HASH
from eth.exceptions import CanonicalHeadNotFound
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError

from sandbox.chain.nodes import Nodes
from sandbox.chain.places import CHAIN_ID

GAS_LIMIT = 30_000_000


class _Chain(MiningChain):
    chain_id = CHAIN_ID
    vm_configuration = ((BlockNumber(0), PragueVM),)

    def create_header_from_parent(
        self, parent_header: BlockHeaderAPI, **header_params: Any
    ) -> BlockHeaderAPI:
        wanted = {**header_params, "gas_limit": parent_header.gas_limit}
        return super().create_header_from_parent(parent_header, **wanted)


@dataclass(frozen=True)
class MinedBlock:
    """A block and what its transactions did."""

    header: BlockHeaderAPI
    transactions: Sequence[SignedTransactionAPI]
    receipts: Sequence[ReceiptAPI]

    @property
    def number(self) -> int:
        """How many blocks come before it."""
        return int(self.header.block_number)

    @property
    def hash(self) -> bytes:
        """What its children name as their parent."""
        return self.header.hash

    @property
    def base_fee(self) -> int:
        """What it asked of each unit of gas, in wei."""
        return int(self.header.base_fee_per_gas or 0)

    @property
    def timestamp(self) -> int:
        """When it was made, in seconds since 1970."""
        return int(self.header.timestamp)


@dataclass(frozen=True)
class Outcome:
    """How a call ended: `error` is None, or what the virtual machine said; then `output` is why."""

    output: bytes
    gas_used: int
    error: str | None


@dataclass(frozen=True)
class Call:
    """A call to be tried out; `gas` None is as much as a block has."""

    sender: bytes
    to: bytes
    data: bytes = b""
    value: int = 0
    gas: int | None = None


class Evm:
    """py-evm on one set of nodes."""

    def __init__(self, nodes: Nodes, *, genesis_time: int, balances: Mapping[bytes, int]) -> None:
        """`genesis_time` and `balances` (in wei) count only when the nodes are empty."""
        db = nodes.atomic()
        accounts: Any = {key: _account(wei) for key, wei in balances.items()}
        # Its declared types leave out what the builders, states and databases of a fork can do.
        self._chain: Any
        try:
            self._chain = _Chain(db)
        except CanonicalHeadNotFound:
            self._chain = _Chain.from_genesis(db, _genesis(genesis_time), accounts)

    def canonical(self) -> list[MinedBlock]:
        """Return the kept chain, from its first block to its head."""
        head = self._chain.get_canonical_head().block_number
        return [self._block(number) for number in range(head + 1)]

    def decode(self, raw: bytes) -> SignedTransactionAPI:
        """Return the transaction that signed bytes are.

        Raises:
            Exception: they are none; py-evm has many ways to say so.
        """
        return PragueVM.get_transaction_builder().decode(raw)

    def make_block(
        self,
        parent: MinedBlock,
        transactions: Iterable[SignedTransactionAPI],
        *,
        timestamp: int,
        mix_hash: bytes,
        balances: Mapping[bytes, int],
    ) -> MinedBlock:
        """Make a block of those of the transactions that can be in it now, and make it the head.

        `balances` is what accounts hold after it, in wei, as no real chain would let them.
        """
        chain = self._chain
        vm = chain.get_vm(chain.create_header_from_parent(parent.header, timestamp=timestamp))
        base = vm.get_block()
        header = base.header
        included: list[SignedTransactionAPI] = []
        receipts: list[ReceiptAPI] = []
        for transaction in transactions:
            try:
                receipt, _computation = vm.apply_transaction(header, transaction)
            except ValidationError:
                continue  # it waits for another block
            header = vm.increment_blob_gas_used(
                vm.add_receipt_to_header(header, receipt), transaction
            )
            included.append(transaction)
            receipts.append(receipt)
        filled = vm.set_block_transactions_and_withdrawals(
            base, header, tuple(included), tuple(receipts)
        )
        for account, wei in balances.items():
            vm.state.set_balance(Address(account), wei)
        block = vm.mine_block(filled, mix_hash=Hash32(mix_hash)).block
        self._make_head(block)
        return MinedBlock(block.header, tuple(included), tuple(receipts))

    def state_at(self, block: MinedBlock, *, timestamp: int | None = None) -> StateAPI:
        """Return what accounts and contracts hold after a block, where gas costs nothing."""
        vm = self._chain.get_vm(block.header)
        header = block.header.copy(base_fee_per_gas=0, timestamp=timestamp or block.timestamp)
        state: StateAPI = vm.build_state(
            self._chain.chaindb.db, header, vm.chain_context, vm.previous_hashes
        )
        return state

    def try_out(self, state: StateAPI, call: Call) -> Outcome:
        """Run a call and undo it."""
        gas = GAS_LIMIT if call.gas is None else min(call.gas, GAS_LIMIT)
        builder: Any = PragueVM.get_transaction_builder()
        unsigned = builder.new_unsigned_dynamic_fee_transaction(
            chain_id=CHAIN_ID,
            nonce=state.get_nonce(Address(call.sender)),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=gas,
            to=Address(call.to),
            value=call.value,
            data=call.data,
            access_list=(),
        )
        snapshot = state.snapshot()
        try:
            spoofed: Any = SpoofTransaction(unsigned, from_=call.sender)
            computation = state.apply_transaction(spoofed)
        except ValidationError as fault:
            return Outcome(b"", 0, str(fault))
        finally:
            state.revert(snapshot)
        used = gas - computation.get_gas_remaining()
        error = type(computation.error).__name__ if computation.is_error else None
        return Outcome(computation.output, used, error)

    def next_base_fee(self, block: MinedBlock) -> int:
        """Return what a block after this one asks of each unit of gas, in wei."""
        header = self._chain.create_header_from_parent(block.header)
        return int(header.base_fee_per_gas)

    def _block(self, number: int) -> MinedBlock:
        block = self._chain.get_canonical_block_by_number(BlockNumber(number))
        receipts = block.get_receipts(self._chain.chaindb)
        return MinedBlock(block.header, tuple(block.transactions), tuple(receipts))

    def _make_head(self, block: BlockAPI) -> None:
        """Keep a block; after a reorganisation py-evm would stay with the longer branch."""
        chaindb = self._chain.chaindb
        chaindb.persist_block(block)
        if chaindb.get_canonical_head().hash != block.hash:
            chaindb._set_as_canonical_chain_head(chaindb.db, block.header, GENESIS_PARENT_HASH)  # noqa: SLF001 - there is no other way; eth-tester goes it too


def _genesis(time: int) -> Any:
    return {
        "coinbase": Address(bytes(20)),
        "difficulty": 0,
        "extra_data": b"",
        "gas_limit": GAS_LIMIT,
        "mix_hash": bytes(32),
        "nonce": bytes(8),
        "receipt_root": BLANK_ROOT_HASH,
        "timestamp": time,
        "transaction_root": BLANK_ROOT_HASH,
    }


def _account(wei: int) -> Mapping[str, Any]:
    return {"balance": wei, "nonce": 0, "code": b"", "storage": {}}
