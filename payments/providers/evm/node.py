"""What a node is asked, and its answers in plain values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from payments.providers.chain_port import Block, ChainLog, Receipt
from payments.providers.evm import fee_policy, node_errors
from payments.providers.evm.node_errors import NodeError
from payments.providers.evm.rpc import Rpc
from payments.providers.evm.wire_values import hash32, quantity, unformatted
from payments.providers.outcome import OutcomeUnknownError

_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)
_REPLAYED = ("from", "to", "value", "gas")
_NUMBER_MAX, _TIMESTAMP_MAX = 2**53, 253_402_300_799  # in the year 9999
_NO_BODIES = False  # blocks without their transactions
T = TypeVar("T")


class Node:
    """The nodes of a chain as one; `name` is the chain's."""

    def __init__(self, name: str, rpc: Rpc) -> None:
        """Nothing is asked yet."""
        self._name = name
        self._rpc = rpc

    def read(
        self,
        parse: Callable[[Any], T],
        method: str,
        *params: Any,
        understood: Callable[[NodeError], bool] = node_errors.never,
        reaching: int | None = None,
    ) -> T:
        """Return what `parse` makes of the answer; see `Rpc.ask`.

        Raises:
            OutcomeUnknownError: there is no answer, or none that can be read.
        """
        told = self._rpc.ask(method, *params, understood=understood, reaching=reaching)
        try:
            return parse(told)
        except _UNREADABLE:
            raise self.unreadable(method) from None

    def unreadable(self, method: str) -> OutcomeUnknownError:
        """Return the error that an answer is not as documented."""
        return OutcomeUnknownError(f"{self._name}: {method} is answered unreadably.")

    def block(self, which: int | Literal["latest", "finalized"]) -> Block | None:
        """Return a block; None where there is none."""
        at = hex(which) if isinstance(which, int) else which
        try:
            return self.read(
                _block_in, "eth_getBlockByNumber", at, _NO_BODIES, understood=node_errors.is_missing
            )
        except NodeError:
            return None

    def height(self) -> int:
        """Return the number of the latest block."""
        return self.read(quantity, "eth_blockNumber")

    def code(self, address: str) -> bytes:
        """Return the code at an address; nothing where there is no contract."""
        return self.read(unformatted, "eth_getCode", address, "latest")

    def call(self, contract: str, calldata: bytes, *, at: int | None = None) -> bytes:
        """Return what a view returns at a block (default: the latest); nothing if none is there."""
        call = {"to": contract, "data": f"0x{calldata.hex()}"}
        return self.read(unformatted, "eth_call", call, "latest" if at is None else hex(at))

    def logs(
        self,
        wanted: Mapping[str, Any],
        read: Callable[[Sequence[Any]], Sequence[ChainLog]],
        *,
        from_block: int,
        to_block: int,
    ) -> Sequence[ChainLog]:
        """Return what `read` makes of the logs that are wanted, asking once.

        Only when the node wants fewer blocks at once it is asked again, for each half of them. Of
        one block that holds too many logs, the receipts are read: anybody may fill a block with
        logs that look like those we ask for.

        Raises:
            OutcomeUnknownError: no node answers that has the last block.
        """
        if from_block > to_block:
            return []
        asked = {**wanted, "fromBlock": hex(from_block), "toBlock": hex(to_block)}
        try:
            found = self.read(
                lambda told: read(_list_in(told)),
                *("eth_getLogs", asked),
                understood=node_errors.is_too_wide,
                reaching=to_block,
            )
        except NodeError:
            if from_block == to_block:
                return self._logs_of_crowded(wanted, read, from_block)
            middle = (from_block + to_block) // 2
            return [
                *self.logs(wanted, read, from_block=from_block, to_block=middle),
                *self.logs(wanted, read, from_block=middle + 1, to_block=to_block),
            ]
        return [one for one in found if from_block <= one.block_number <= to_block]

    def _logs_of_crowded(
        self,
        wanted: Mapping[str, Any],
        read: Callable[[Sequence[Any]], Sequence[ChainLog]],
        number: int,
    ) -> Sequence[ChainLog]:
        found = self.read(
            lambda told: read([log for log in _logs_in(told) if _is_wanted(log, wanted)]),
            *("eth_getBlockReceipts", hex(number)),
            reaching=number,
        )
        return [one for one in found if one.block_number == number]

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return what became of a transaction, with the reason if it was reverted."""
        receipt = self.read(_receipt_in, "eth_getTransactionReceipt", tx_hash)
        if receipt is None or receipt.succeeded:
            return receipt
        return Receipt(
            receipt.tx_hash,
            receipt.block_number,
            receipt.block_hash,
            succeeded=False,
            gas_cost=receipt.gas_cost,
            reason=self._reason(tx_hash, receipt.block_number - 1),
        )

    def _reason(self, tx_hash: str, at: int) -> str | None:
        """Run a transaction again on the block before its own: no receipt has the reason.

        What went before it in its block is missing then, so there may be none.
        """
        try:
            call = self.read(_call_in, "eth_getTransactionByHash", tx_hash)
            self.read(bool, "eth_call", call, hex(at), understood=node_errors.is_revert)
        except NodeError as error:
            return node_errors.reason_of(error)
        except OutcomeUnknownError:
            return None
        return None


def _block_in(told: Any) -> Block | None:
    if told is None:
        return None
    number, timestamp = quantity(told["number"]), quantity(told["timestamp"])
    if number > _NUMBER_MAX or timestamp > _TIMESTAMP_MAX:
        raise ValueError("no block has such a number, or time")
    return Block(number, hash32(told["hash"]), hash32(told["parentHash"]), timestamp)


def _receipt_in(told: Any) -> Receipt | None:
    """Read a receipt; some nodes have one for what is in no block yet."""
    if told is None or told["blockHash"] is None:
        return None
    return Receipt(
        hash32(told["transactionHash"]),
        quantity(told["blockNumber"]),
        hash32(told["blockHash"]),
        succeeded=quantity(told["status"]) == 1,
        gas_cost=fee_policy.cost_in(told),
    )


def _call_in(told: Any) -> Mapping[str, Any]:
    return {**{name: told[name] for name in _REPLAYED}, "data": told["input"]}


def _list_in(told: Any) -> Sequence[Any]:
    if not isinstance(told, list):
        raise TypeError("no list")
    return told


def _logs_in(receipts: Any) -> Sequence[Any]:
    """Return all logs of a block's receipts: without its receipts nothing is known of it."""
    return [log for receipt in _list_in(receipts) for log in _list_in(receipt["logs"])]


def _is_wanted(log: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether a log is one that `eth_getLogs` would tell."""
    addresses = wanted.get("address")
    if addresses is not None and not _is_one_of(log["address"], addresses):
        return False
    topics = log["topics"]
    return len(topics) >= len(wanted["topics"]) and all(
        asked is None or _is_one_of(topic, [asked] if isinstance(asked, str) else asked)
        for topic, asked in zip(topics, wanted["topics"], strict=False)
    )


def _is_one_of(value: str, asked: Sequence[str]) -> bool:
    return value.lower() in {one.lower() for one in asked}
