"""What a node answers: the JSON-RPC methods of Ethereum that a client without a wallet needs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from eth.abc import StateAPI
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_typing import Address

from sandbox.chain.evm import GAS_LIMIT, Call, MinedBlock, Outcome
from sandbox.chain.local_chain import LocalChain
from sandbox.chain.log_filters import find_logs
from sandbox.chain.places import CHAIN_ID
from sandbox.chain.pool import RefusedError
from sandbox.chain.shown import data, show_block, show_logs, show_receipt, show_transaction

_ERROR_STRING = bytes.fromhex("08c379a0")
_HISTORY_MAX_BLOCKS = 1024
# How far behind the head what a real chain calls safe and finalized is, in blocks.
_BEHIND = {"latest": 0, "pending": 0, "safe": 3, "finalized": 6}
# An estimate of gas is at most one part of so many above what is needed.
_ESTIMATE_PARTS = 64
_FAILED = -32000
_BAD_PARAMS = -32602
_NO_METHOD = -32601
_REVERTED = 3

Params = Sequence[Any]


class RpcError(Exception):
    """The node's answer is an error: its number, its words and perhaps its data."""

    def __init__(self, code: int, message: str, error_data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = error_data


class Node:
    """One node of a chain; `behind` blocks are still unknown to it."""

    def __init__(self, chain: LocalChain, *, heard: Callable[[], None]) -> None:
        """`heard` is called when it was sent a transaction."""
        self._chain = chain
        self._heard = heard
        self.behind = 0
        self.log_range: int | None = None
        """Over how many blocks it lets anybody ask for logs."""

    def call(self, method: str, params: Params) -> Any:
        """Return what a method gives.

        Raises:
            RpcError: it gives an error.
        """
        if method not in self._METHODS:
            raise RpcError(_NO_METHOD, f"the method {method} does not exist/is not available")
        with self._chain.turn:
            try:
                return self._METHODS[method](self, *params)
            except RefusedError as refusal:
                raise RpcError(_FAILED, str(refusal)) from refusal
            except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
                raise RpcError(_BAD_PARAMS, f"invalid argument: {error}") from error

    # ---- which block -------------------------------------------------------------------------

    @property
    def _head(self) -> MinedBlock:
        return self._chain.blocks[max(0, len(self._chain.blocks) - 1 - self.behind)]

    def _find(self, wanted: Any) -> MinedBlock | None:
        if isinstance(wanted, Mapping):
            if "blockHash" in wanted:
                return self._by_hash(wanted["blockHash"])
            wanted = wanted["blockNumber"]
        if wanted == "earliest":
            return self._chain.blocks[0]
        if wanted in _BEHIND:
            return self._chain.blocks[max(0, self._head.number - _BEHIND[wanted])]
        number = int(wanted, 16)
        return self._chain.blocks[number] if 0 <= number <= self._head.number else None

    def _by_hash(self, wanted: str) -> MinedBlock | None:
        block_hash = _bytes(wanted)
        known = self._chain.blocks[: self._head.number + 1]
        return next((block for block in reversed(known) if block.hash == block_hash), None)

    def _required(self, wanted: Any) -> MinedBlock:
        block = self._find(wanted)
        if block is None:
            raise RpcError(_FAILED, "header not found")
        return block

    def _state(self, wanted: Any) -> StateAPI:
        return self._chain.state(self._required(wanted))

    # ---- methods -----------------------------------------------------------------------------

    def _block_number(self) -> str:
        return hex(self._head.number)

    def _balance(self, account: str, at: Any = "latest") -> str:
        return hex(self._state(at).get_balance(_address(account)))

    def _code(self, account: str, at: Any = "latest") -> str:
        return data(self._state(at).get_code(_address(account)))

    def _storage(self, account: str, slot: str, at: Any = "latest") -> str:
        value = self._state(at).get_storage(_address(account), int(slot, 16))
        return data(int(value).to_bytes(32))

    def _transaction_count(self, account: str, at: Any = "latest") -> str:
        if at == "pending":
            return hex(self._chain.nonce(_address(account), pending=True))
        return hex(self._state(at).get_nonce(_address(account)))

    def _send(self, raw: str) -> str:
        tx_hash = self._chain.send(_bytes(raw))
        self._heard()
        return data(tx_hash)

    def _block_by_number(self, wanted: str, whole: bool = False) -> Any:  # noqa: FBT001, FBT002 - JSON-RPC has no names
        block = self._find(wanted)
        return None if block is None else show_block(block, whole=whole)

    def _block_by_hash(self, wanted: str, whole: bool = False) -> Any:  # noqa: FBT001, FBT002 - JSON-RPC has no names
        block = self._by_hash(wanted)
        return None if block is None else show_block(block, whole=whole)

    def _transaction(self, tx_hash: str) -> Any:
        place = self._chain.place_of(_bytes(tx_hash))
        if place is not None and place.block.number <= self._head.number:
            return show_transaction(place.block.transactions[place.index], place)
        waiting = self._chain.pool.find(_bytes(tx_hash))
        return None if waiting is None else show_transaction(waiting.transaction, None)

    def _receipt(self, tx_hash: str) -> Any:
        place = self._chain.place_of(_bytes(tx_hash))
        if place is None or place.block.number > self._head.number:
            return None
        return show_receipt(place)

    def _logs(self, wanted: Mapping[str, Any]) -> Any:
        if "blockHash" in wanted:
            block = self._by_hash(wanted["blockHash"])
            if block is None:
                raise RpcError(_FAILED, "unknown block")
            return list(find_logs(show_logs(block), wanted))
        first = self._number(wanted.get("fromBlock", "latest"))
        last = self._number(wanted.get("toBlock", "latest"))
        if first > last:
            raise RpcError(_BAD_PARAMS, "invalid block range params")
        if self.log_range is not None and last - first >= self.log_range:
            raise RpcError(-32005, f"query exceeds max block range {self.log_range}")
        blocks = self._chain.blocks[first : min(last, self._head.number) + 1]
        return [
            log
            for block in blocks
            if block.header.bloom
            for log in find_logs(show_logs(block), wanted)
        ]

    def _number(self, wanted: str) -> int:
        """Return a height, which may lie above the head."""
        if wanted == "earliest" or wanted in _BEHIND:
            return self._required(wanted).number
        return int(wanted, 16)

    def _call_contract(self, wanted: Mapping[str, Any], at: Any = "latest") -> str:
        outcome = self._chain.evm.try_out(self._state(at), _read_call(wanted))
        return data(_succeeded(outcome).output)

    def _estimate_gas(self, wanted: Mapping[str, Any], at: Any = "latest") -> str:
        state = self._state(at)
        call = _read_call(wanted)

        def fails_with(gas: int) -> bool:
            tried = Call(call.sender, call.to, call.data, call.value, gas)
            return self._chain.evm.try_out(state, tried).error is not None

        used = _succeeded(self._chain.evm.try_out(state, call)).gas_used
        # A call may need more than it uses: of what is left it passes on 63 parts of 64, and
        # a contract may ask how much is left.
        too_little, enough = used - 1, used
        while enough < GAS_LIMIT and fails_with(enough):
            too_little, enough = enough, min(2 * enough, GAS_LIMIT)
        while enough - too_little > enough // _ESTIMATE_PARTS + 1:
            middle = (too_little + enough) // 2
            too_little, enough = (middle, enough) if fails_with(middle) else (too_little, middle)
        return hex(enough)

    def _tip(self) -> str:
        return hex(max(self._chain.pool.minimum_tip, 10**9))

    def _gas_price(self) -> str:
        return hex(self._chain.evm.next_base_fee(self._head) + int(self._tip(), 16))

    def _fee_history(self, count: str | int, newest: str, percentiles: Sequence[Any] = ()) -> Any:
        last = self._required(newest).number
        wanted = count if isinstance(count, int) else int(count, 16)
        first = max(0, last + 1 - min(wanted, _HISTORY_MAX_BLOCKS))
        blocks = self._chain.blocks[first : last + 1]
        fees = [block.base_fee for block in blocks]
        history: dict[str, Any] = {
            "oldestBlock": hex(first),
            "baseFeePerGas": [hex(f) for f in [*fees, self._chain.evm.next_base_fee(blocks[-1])]],
            "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in blocks],
        }
        if percentiles:
            history["reward"] = [[self._tip() for _ in percentiles] for _ in blocks]
        return history

    _METHODS: ClassVar[Mapping[str, Callable[..., Any]]] = {
        "web3_clientVersion": lambda _node: "strongroom-sandbox/1",
        "net_version": lambda _node: str(CHAIN_ID),
        "eth_chainId": lambda _node: hex(CHAIN_ID),
        "eth_syncing": lambda _node: False,
        "eth_accounts": lambda _node: [],
        "eth_blockNumber": _block_number,
        "eth_getBalance": _balance,
        "eth_getCode": _code,
        "eth_getStorageAt": _storage,
        "eth_getTransactionCount": _transaction_count,
        "eth_sendRawTransaction": _send,
        "eth_getBlockByNumber": _block_by_number,
        "eth_getBlockByHash": _block_by_hash,
        "eth_getTransactionByHash": _transaction,
        "eth_getTransactionReceipt": _receipt,
        "eth_getLogs": _logs,
        "eth_call": _call_contract,
        "eth_estimateGas": _estimate_gas,
        "eth_gasPrice": _gas_price,
        "eth_maxPriorityFeePerGas": _tip,
        "eth_feeHistory": _fee_history,
    }


def _read_call(wanted: Mapping[str, Any]) -> Call:
    told = wanted.get("input", wanted.get("data"))
    gas = wanted.get("gas")
    return Call(
        sender=_bytes(wanted.get("from") or "0x" + "00" * 20),
        to=_bytes(wanted.get("to") or "0x"),
        data=_bytes(told or "0x"),
        value=int(wanted.get("value") or "0x0", 16),
        gas=None if gas is None else int(gas, 16),
    )


def _succeeded(outcome: Outcome) -> Outcome:
    if outcome.error is None:
        return outcome
    if outcome.error != "Revert":
        raise RpcError(_FAILED, outcome.error)
    raise RpcError(_REVERTED, _revert_text(outcome.output), data(outcome.output))


def _revert_text(output: bytes) -> str:
    if output.startswith(_ERROR_STRING):
        try:
            (reason,) = decode(["string"], output[4:])
        except DecodingError:
            pass
        else:
            return f"execution reverted: {reason}"
    return "execution reverted"


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError(f"{text!r} has no 0x")
    return bytes.fromhex(text[2:])


def _address(text: str) -> Address:
    account = _bytes(text)
    if len(account) != 20:  # noqa: PLR2004 - the length of every address
        raise ValueError(f"{text!r} is no address")
    return Address(account)
