"""An EVM without blocks: one call after another at a time that is told, a thousand a second."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth.abc import ComputationAPI, MessageAPI
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.shanghai.state import ShanghaiState
from eth.vm.message import Message
from eth_abi.abi import decode, encode
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.crypto import keccak

NOBODY = Address(bytes(20))
GAS = 3_000_000
SECOND_OF_START = 1_800_000_000
_ERROR = keccak(text="Error(string)")[:4]

Abi = Sequence[Mapping[str, Any]]


class RevertedError(Exception):
    """A call was undone; says why, in the contract's words where it had some."""


@dataclass(frozen=True)
class Log:
    """An event, with all that it says by name."""

    contract: Address
    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """What came of a call."""

    output: bytes
    gas_used: int
    entries: Sequence[tuple[bytes, Sequence[int], bytes]]


def account(name: str) -> Address:
    """Return the address of somebody, by name."""
    return Address(keccak(text=name)[12:])


class Machine:
    """The state of a chain of its own, at Shanghai's rules.

    `calls` counts what could have changed it: creations and calls, refused ones included; views
    are not counted.
    """

    def __init__(self) -> None:
        self.calls = 0
        self._created = 0
        self._context = ExecutionContext(
            coinbase=account("coinbase"),
            timestamp=SECOND_OF_START,
            block_number=BlockNumber(1),
            difficulty=0,
            mix_hash=Hash32(bytes(32)),
            gas_limit=30_000_000,
            prev_hashes=(),
            chain_id=1,
            base_fee_per_gas=0,
        )
        self.state = ShanghaiState(AtomicDB(), self._context, BLANK_ROOT_HASH)

    @property
    def now(self) -> int:
        """The time of the block that the next call is in."""
        return self._context.timestamp

    @now.setter
    def now(self, second: int) -> None:
        self._context._timestamp = second  # the library offers no other way

    def give_coins(self, address: Address, amount: int) -> None:
        """Have an account hold more coins, from nowhere."""
        self.state.delta_balance(address, amount)

    def leave_coins(self, address: Address, amount: int) -> None:
        """Have a contract end and leave its coins to an address, which nobody can refuse."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it is, and works
            self.create(b"\x73" + address + b"\xff", value=amount)

    def coins_of(self, address: Address) -> int:
        """Return the coins of an account."""
        return self.state.get_balance(address)

    def create(self, code: bytes, *, value: int = 0) -> Address:
        """Run a constructor, and return where its contract is."""
        self._created += 1
        creator = account("creator")
        address = account(f"contract {self._created}")
        self.give_coins(creator, value)
        self._run(
            Message(
                gas=20_000_000,
                to=Address(b""),
                sender=creator,
                value=value,
                data=b"",
                code=code,
                create_address=address,
            )
        )
        return address

    def send(
        self, sender: Address, to: Address, data: bytes, *, value: int = 0, gas: int = GAS
    ) -> Done:
        """Make a call; gas is what is left of the transaction's after its fixed price.

        Raises:
            RevertedError: it was undone.
        """
        return self._run(self._message(sender, to, data, value, gas))

    def look(self, to: Address, data: bytes) -> bytes:
        """Return what a view answers."""
        message = self._message(account("looker"), to, data, 0, GAS)
        return self._finished(self._apply(message)).output

    def _message(self, sender: Address, to: Address, data: bytes, value: int, gas: int) -> Message:
        return Message(
            gas=gas, to=to, sender=sender, value=value, data=data, code=self.state.get_code(to)
        )

    def _run(self, message: MessageAPI) -> Done:
        self.calls += 1
        return self._finished(self._apply(message))

    def _apply(self, message: MessageAPI) -> ComputationAPI:
        state, computations = self.state, self.state.computation_class
        state.mark_address_warm(message.sender)
        state.mark_address_warm(message.storage_address)
        context = state.get_transaction_context_class()(gas_price=0, origin=message.sender)
        apply = (
            computations.apply_create_message if message.is_create else computations.apply_message
        )
        computation = apply(state, message, context)
        for gone in computation.get_accounts_for_deletion() if computation.is_success else ():
            state.delete_account(gone)
        state.lock_changes()  # ends the transaction: what was touched is cold again
        return computation

    def _finished(self, computation: ComputationAPI) -> Done:
        if computation.is_error:
            raise RevertedError(_reason(computation))
        return Done(computation.output, computation.get_gas_used(), computation.get_log_entries())


def _reason(computation: ComputationAPI) -> str:
    output = computation.output
    if output[:4] == _ERROR:
        return str(decode(["string"], output[4:])[0])
    return type(computation.error).__name__


@dataclass
class Contract:
    """A contract to be called by the names of its functions."""

    machine: Machine
    address: Address
    abi: Abi
    _functions: dict[str, tuple[bytes, list[str], list[str]]] = field(default_factory=dict)
    _events: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.abi:
            if entry["type"] == "function":
                takes = [_type_of(argument) for argument in entry["inputs"]]
                gives = [_type_of(result) for result in entry["outputs"]]
                selector = keccak(text=f"{entry['name']}({','.join(takes)})")[:4]
                self._functions[entry["name"]] = (selector, takes, gives)
            elif entry["type"] == "event":
                kinds = ",".join(_type_of(argument) for argument in entry["inputs"])
                topic = keccak(text=f"{entry['name']}({kinds})")
                self._events[int.from_bytes(topic, "big")] = entry

    def calldata(self, name: str, *arguments: Any) -> bytes:
        """Return the bytes that call a function."""
        selector, takes, _ = self._functions[name]
        return selector + encode(takes, arguments)

    def send(
        self, name: str, *arguments: Any, by: Address, value: int = 0, gas: int = GAS
    ) -> list[Log]:
        """Call a function, and return what this contract logged."""
        data = self.calldata(name, *arguments)
        done = self.machine.send(by, self.address, data, value=value, gas=gas)
        return self.logs_of(done)

    def look(self, name: str, *arguments: Any) -> Any:
        """Return the one thing that a view answers."""
        answer = self.machine.look(self.address, self.calldata(name, *arguments))
        return decode(self._functions[name][2], answer)[0]

    def logs_of(self, done: Done) -> list[Log]:
        """Return what this contract logged in a call, in order."""
        return [
            self._log(topics, data)
            for contract, topics, data in done.entries
            if contract == self.address
        ]

    def _log(self, topics: Sequence[int], data: bytes) -> Log:
        event = self._events[topics[0]]
        indexed = [argument for argument in event["inputs"] if argument["indexed"]]
        plain = [argument for argument in event["inputs"] if not argument["indexed"]]
        values = {
            argument["name"]: decode([argument["type"]], topic.to_bytes(32, "big"))[0]
            for argument, topic in zip(indexed, topics[1:], strict=True)
        }
        found = decode([argument["type"] for argument in plain], data)
        values |= {argument["name"]: value for argument, value in zip(plain, found, strict=True)}
        return Log(self.address, event["name"], values)


def _type_of(argument: Mapping[str, Any]) -> str:
    if argument["type"] == "tuple":
        return f"({','.join(_type_of(part) for part in argument['components'])})"
    return str(argument["type"])
