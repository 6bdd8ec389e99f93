"""What the logs of escrows and of tokens tell.

Anybody may write a log that looks like ours, and nodes have their faults: a log that is not
exactly of the documented form tells nothing, and is left out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from payments.providers.chain_port import ChainLog, LogKind
from payments.providers.evm import artifacts
from payments.providers.evm.escrow_calls import NO_ADDRESS
from payments.providers.evm.wire_values import address, hash32, padded, quantity, unformatted

_KINDS: Mapping[str, LogKind] = {
    "Created": "created",
    "Deposited": "deposited",
    "Released": "released",
    "Refunded": "refunded",
    "Reclaimed": "reclaimed",
    "DisputeOpened": "disputed",
    "Paused": "paused",
    "Unpaused": "unpaused",
    "Parked": "parked",
    "Withdrawn": "withdrawn",
    "Rescued": "rescued",
}
_ACTORS = ("depositor", "by", "recipient")  # what the contract calls whoever did it, or got it
_WORD = 32
_UNREADABLE = (ValueError, KeyError, TypeError, DecodingError, OverflowError)

TRANSFER = f"0x{keccak(text='Transfer(address,address,uint256)').hex()}"


@dataclass(frozen=True)
class _Event:
    kind: LogKind
    indexed: Sequence[tuple[str, str]]  # name and type, without the operator
    plain: Sequence[tuple[str, str]]


def topics_of(operators: Iterable[str]) -> Sequence[Any]:
    """Return the filter that finds every event of every escrow of these operators."""
    return [sorted(_events()), sorted(padded(operator) for operator in operators)]


def topics_to(contracts: Iterable[str]) -> Sequence[Any]:
    """Return the filter that finds the transfers of tokens to contracts."""
    return [TRANSFER, None, [padded(contract) for contract in contracts]]


def read_logs(told: Any, *, operators: Iterable[str], factory: str) -> Sequence[ChainLog]:
    """Return what a node's logs tell of the escrows of these operators, in order."""
    ours = frozenset(padded(operator) for operator in operators)
    found = (_escrow_log(one, operators=ours, factory=factory) for one in told)
    return in_order(one for one in found if one is not None)


def read_transfers(told: Any, *, tokens: Iterable[str]) -> Sequence[ChainLog]:
    """Return what a node's logs tell of the transfers of tokens, in order."""
    allowed = frozenset(tokens)
    found = (_transfer(one, allowed) for one in told)
    return in_order(one for one in found if one is not None)


def in_order(logs: Iterable[ChainLog]) -> Sequence[ChainLog]:
    """Return logs as they happened."""
    return sorted(logs, key=lambda one: (one.block_number, one.log_index))


def _escrow_log(told: Any, *, operators: Collection[str], factory: str) -> ChainLog | None:
    try:
        topics = [hash32(topic) for topic in told["topics"]]
        event = _events()[topics[0]]
        if topics[1] not in operators:
            return None
        values = _values(event, topics[2:], unformatted(told["data"]))
        contract = address(told["address"])
        if event.kind == "created":
            if contract != factory:
                return None
            contract = values["escrow"]
        token = values.get("token")
        return ChainLog(
            kind=event.kind,
            contract=contract,
            operation_id=values.get("operation_id"),
            amount=values.get("amount", 0),
            actor=next((values[name] for name in _ACTORS if name in values), None),
            token=None if token == NO_ADDRESS else token,
            **_place(told),
        )
    except (*_UNREADABLE, IndexError):
        return None


def _transfer(told: Any, tokens: frozenset[str]) -> ChainLog | None:
    try:
        topic, *parties = [hash32(one) for one in told["topics"]]
        token, data = address(told["address"]), unformatted(told["data"])
        if topic != TRANSFER or token not in tokens or len(data) != _WORD:
            return None
        sender, recipient = (_decoded("address", bytes.fromhex(one[2:])) for one in parties)
        return ChainLog(
            kind="transferred",
            contract=recipient,
            operation_id=None,
            amount=_decoded("uint256", data),
            actor=sender,
            token=token,
            **_place(told),
        )
    except _UNREADABLE:
        return None


def _values(event: _Event, topics: Sequence[str], data: bytes) -> Mapping[str, Any]:
    """Return the arguments by name; all of ours fill one word each."""
    words = [data[at : at + _WORD] for at in range(0, len(data), _WORD)]
    named = [*event.indexed, *event.plain]
    told = [*(bytes.fromhex(topic[2:]) for topic in topics), *words]
    if len(topics) != len(event.indexed) or len(data) != _WORD * len(event.plain):
        raise ValueError("another form")
    pairs = zip(named, told, strict=True)
    return {name: _decoded(kind, word) for (name, kind), word in pairs}


def _decoded(kind: str, word: bytes) -> Any:
    value = decode([kind], word)[0]
    if kind == "address":
        return address(value)
    return f"0x{value.hex()}" if kind == "bytes32" else value


def _place(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return where a log is; one that was taken back, or is in no block, is no log."""
    if told.get("removed") is True:
        raise ValueError("taken back")
    return {
        "tx_hash": hash32(told["transactionHash"]),
        "log_index": quantity(told["logIndex"]),
        "block_number": quantity(told["blockNumber"]),
        "block_hash": hash32(told["blockHash"]),
    }


@cache
def _events() -> Mapping[str, _Event]:
    """Return the events by their topic, as the committed ABIs have them."""
    entries = (*artifacts.escrow().abi, *artifacts.escrow_factory().abi)
    found = {}
    for entry in entries:
        if entry["type"] != "event" or entry["name"] not in _KINDS:
            continue
        operator, *inputs = entry["inputs"]
        if not operator["indexed"] or operator["name"] != "operator":
            raise ValueError(f"{entry['name']} has not its operator first")
        signature = ",".join(one["type"] for one in entry["inputs"])
        topic = "0x" + keccak(text=f"{entry['name']}({signature})").hex()
        found[topic] = _Event(
            _KINDS[entry["name"]],
            [(one["name"], one["type"]) for one in inputs if one["indexed"]],
            [(one["name"], one["type"]) for one in inputs if not one["indexed"]],
        )
    return found
