"""A factory, an escrow, and everybody who may have to do with it."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import encode
from eth_typing import Address
from eth_utils.address import to_canonical_address

from payments.providers.evm import artifacts
from tests.payments.providers.evm.contracts.machine import (
    NOBODY,
    Contract,
    Done,
    Log,
    Machine,
    account,
)

AMOUNT = 1_000_000
DAY = 24 * 60 * 60
NAMES = ("depositor", "beneficiary", "operator", "arbiter", "guardian", "stranger")
CREATED, FUNDED, DISPUTED, CLOSED = 1, 2, 3, 4
HOSTILE = Path(__file__).parent / "hostile"

# How the strange contracts can be told to be; the numbers are those of their sources.
TRUE, NOTHING, FALSE, FALSE_BUT_MOVES, TRUE_ONLY, TOKEN_REVERTS, TOKEN_BURNS, LONG, HALF = range(9)
ACCEPTS, REVERTS, BURNS_GAS, REVERTS_AT_LENGTH, WRITES_MUCH, REENTERS = range(6)


def operation(number: int) -> bytes:
    """Return an operation's id."""
    return number.to_bytes(32, "big")


@cache
def strange(name: str) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the bytecode and the ABI of a contract of `hostile/`."""
    from vyper import compile_code  # noqa: PLC0415 - a second that only these tests should wait

    source = (HOSTILE / f"{name}.vy").read_text()
    made = compile_code(source, output_formats=["abi", "bytecode"])
    return bytes.fromhex(made["bytecode"].removeprefix("0x")), made["abi"]


class World:
    """One escrow, not made yet, whose depositor and beneficiary may be contracts."""

    def __init__(
        self,
        *,
        of_token: bool = False,
        depositor_is_contract: bool = False,
        beneficiary_is_contract: bool = False,
        amount: int = AMOUNT,
    ) -> None:
        self.machine: Final = Machine()
        self.amount: Final = amount
        self.implementation: Final = self.machine.create(artifacts.escrow().bytecode)
        self.factory: Final = Contract(
            self.machine,
            self.machine.create(
                artifacts.escrow_factory().bytecode + encode(["address"], [self.implementation])
            ),
            artifacts.escrow_factory().abi,
        )
        self.token: Final = self.make("strange_token") if of_token else None
        self.contracts: Final[dict[str, Contract]] = {}
        if depositor_is_contract:
            self.contracts["depositor"] = self.make("strange_receiver")
        if beneficiary_is_contract:
            self.contracts["beneficiary"] = self.make("strange_receiver")
        self.people: Final = {
            name: self.contracts[name].address if name in self.contracts else account(name)
            for name in NAMES
        }
        for name in NAMES:
            self.machine.give_coins(self.people[name], 10 * amount)
            self.machine.give_coins(account(f"{name}'s owner"), 10 * amount)
            if self.token:
                self.token.send("mint", self.people[name], 10 * amount, by=NOBODY)
        self.fund_by: Final = self.machine.now + DAY
        self.release_by: Final = self.fund_by + 10 * DAY
        self.arbiter_by: Final = self.release_by + 10 * DAY
        self.escrow: Final = Contract(
            self.machine,
            to_canonical_address(self.factory.look("address_of", self.terms())),
            artifacts.escrow().abi,
        )

    def make(self, name: str, *arguments: tuple[str, Any]) -> Contract:
        """Create a strange contract; arguments are pairs of type and value."""
        code, abi = strange(name)
        code += encode([kind for kind, _ in arguments], [value for _, value in arguments])
        return Contract(self.machine, self.machine.create(code), abi)

    def terms(self, **changes: Any) -> tuple[Any, ...]:
        """Return the escrow's terms, or others, as the contract takes them."""
        named: dict[str, Any] = {
            "reference": b"\x07" * 32,
            **{name: self.people[name] for name in NAMES[:5]},
            "token": self.token.address if self.token else NOBODY,
            "amount": self.amount,
            "fund_by": self.fund_by,
            "release_by": self.release_by,
            "arbiter_by": self.arbiter_by,
        }
        assert changes.keys() <= named.keys()
        return tuple((named | changes).values())

    def create(self) -> None:
        """Have the operator make the escrow."""
        self.factory.send("create", self.terms(), by=self.people["operator"])

    def act(self, who: str, name: str, *arguments: Any, value: int = 0) -> list[Log]:
        """Have somebody call the escrow, through its contract if it is one; return the logs."""
        return self.call(who, self.escrow, name, *arguments, value=value)

    def call(
        self, who: str, contract: Contract, name: str, *arguments: Any, value: int = 0
    ) -> list[Log]:
        """Have somebody call a contract; return what that logged."""
        return contract.logs_of(
            self.run(who, contract.address, contract.calldata(name, *arguments), value)
        )

    def run(self, who: str, to: Address, data: bytes, value: int = 0) -> Done:
        """Have somebody call any address with any bytes."""
        if who not in self.contracts:
            return self.machine.send(self.people[who], to, data, value=value)
        wallet = self.contracts[who]
        data = wallet.calldata("execute", to, data)
        return self.machine.send(account(f"{who}'s owner"), wallet.address, data, value=value)

    def deposit(self) -> None:
        """Have the depositor pay the whole amount in."""
        if self.token:
            self.call("depositor", self.token, "approve", self.escrow.address, self.amount)
            self.act("depositor", "deposit")
        else:
            self.act("depositor", "deposit", value=self.amount)

    def fund(self) -> "World":
        """Make the escrow and pay it; return this world."""
        self.create()
        self.deposit()
        return self

    def behave(self, who: str, manner: int, call_data: bytes = b"") -> None:
        """Tell a party that is a contract how to take coins."""
        self.contracts[who].send("behave", manner, call_data, by=NOBODY)

    def block(self, who: str, *, blocked: bool = True) -> None:
        """Have the token's issuer take somebody on its list, or off it."""
        assert self.token
        self.token.send("block", self.people[who], blocked, by=NOBODY)

    def held(self, address: Address) -> int:
        """Return how much of the escrow's asset an address has."""
        if self.token:
            held = self.token.look("balanceOf", address)
            assert isinstance(held, int)
            return held
        return self.machine.coins_of(address)

    def has(self, who: str) -> int:
        """Return how much of the escrow's asset somebody has."""
        return self.held(self.people[who])

    @property
    def status(self) -> int:
        """The escrow's status."""
        status = self.escrow.look("status")
        assert isinstance(status, int)
        return status

    @property
    def remaining(self) -> int:
        """What the escrow has to pay out still."""
        remaining = self.escrow.look("remaining")
        assert isinstance(remaining, int)
        return remaining

    def parked(self, who: str) -> int:
        """What somebody can take with `withdraw`."""
        parked = self.escrow.look("parked", self.people[who])
        assert isinstance(parked, int)
        return parked
