"""What the product asks of a chain; only payments/providers/evm knows web3.

Addresses are checksummed, hashes and operation ids 0x-prefixed lower case, amounts minor units.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

LogKind = Literal[
    "created",
    "deposited",
    "released",
    "refunded",
    "reclaimed",
    "disputed",
    "paused",
    "unpaused",
    "parked",
    "withdrawn",
    "rescued",
    "transferred",
]
"""`transferred`: an ERC-20 moved to an escrow's address, by its deposit or past it."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an escrow's contract fixes when it is made; times in seconds since 1970."""

    reference: str
    depositor: str
    beneficiary: str
    operator: str
    arbiter: str
    guardian: str
    token: str | None
    amount: int
    fund_by: int
    release_by: int
    arbiter_by: int


@dataclass(frozen=True)
class Block:
    """A block as the chain shows it now."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int


@dataclass(frozen=True, kw_only=True)
class ChainLog:
    """One thing that happened on a contract, and in which block."""

    kind: LogKind
    contract: str
    operation_id: str | None
    amount: int
    actor: str | None
    token: str | None
    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction in the block it is in.

    `gas_cost` is all that the sender paid for it, in wei; `reason` is why it was reverted, when the
    contract gave one.
    """

    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_cost: int
    reason: str | None = None


@dataclass(frozen=True)
class Fees:
    """What each unit of gas may cost, in wei."""

    max_fee: int
    priority_fee: int


@dataclass(frozen=True)
class EscrowState:
    """Where an escrow's contract stands at the latest block."""

    status: Literal["none", "created", "funded", "disputed", "closed"]
    remaining: int
    is_paused: bool


@dataclass(frozen=True, kw_only=True)
class Unsigned:
    """A transaction to be signed: complete, so that signing adds nothing but the signature."""

    chain_id: int
    sender: str
    nonce: int
    to: str
    calldata: bytes
    value: int
    gas_limit: int
    fees: Fees


@dataclass(frozen=True)
class Signed:
    """A signed transaction: the bytes to send, and the hash they will have."""

    raw: bytes
    tx_hash: str


class ChainPort(Protocol):
    """One chain, by whichever of its RPC URLs answers.

    Every method but the encoders raises OutcomeUnknownError when none does, and WrongChainError
    when one that answers is another chain; payments/providers/chain_errors.py has the errors.
    Nodes differ in how far they are: one may lack a block that another one showed, and that is no
    reorganisation.
    """

    def head(self) -> Block:
        """Return the latest block."""

    def block(self, number: int) -> Block | None:
        """Return the block at a height of the chain as it is now; None above its head."""

    def final_height(self) -> int:
        """Return the height up to which blocks are final, by the chain's setting; may be -1."""

    def logs(
        self, *, operators: Collection[str], from_block: int, to_block: int
    ) -> Sequence[ChainLog]:
        """Return what happened on escrows of our operators in a range of blocks, in order.

        One call, however many escrows there are. `operators` are those besides the settings':
        earlier ones, whose escrows go on. Others may have made contracts that claim to be ours:
        the caller knows its own by address. Logs that have not the documented form are left out,
        and so are `created` ones of another factory.

        Raises:
            OutcomeUnknownError: as always, and when no node has the last block of the range yet.
        """

    def transfers(
        self, contracts: Collection[str], *, from_block: int, to_block: int
    ) -> Sequence[ChainLog]:
        """Return the allow-listed tokens that were sent to contracts, in order; as `logs`."""

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return what became of a transaction; None while no block has it."""

    def knows(self, tx_hash: str) -> bool:
        """Whether the node has the transaction, mined or waiting."""

    def nonce(self, address: str) -> int:
        """Return how many transactions of an address are mined, at the latest block."""

    def balance(self, address: str) -> int:
        """Return the chain's own coin at an address, in wei."""

    def fees(self) -> Fees:
        """Return what a transaction should offer now, within the fee policy."""

    def broadcast(self, raw: bytes) -> None:
        """Hand in a signed transaction; one the node has already is a success.

        Raises:
            NonceTooLowError: another transaction with its nonce is mined.
            UnderpricedError: it offers too little, or too little more than the one it replaces.
            RefusedTransactionError: no node takes it as it is; its code says whether one may later.
            OutcomeUnknownError: no clear answer, or none soon: it may be known by now.
        """

    def escrow_state(self, contract: str) -> EscrowState:
        """Return where an escrow's contract stands; `none` when there is no contract."""

    def estimate_gas(self, *, sender: str, to: str, calldata: bytes) -> int:
        """Return the gas a call takes now, with a margin.

        Raises:
            RevertedError: the call would be refused, and why.
        """

    def check_contracts(self) -> None:
        """Ask whether the factory is ours, once in a process; after that no network is used.

        Raises:
            WrongContractError: it is not.
        """

    # ---- encoding: no network, but for `predict_address` before `check_contracts` ------------

    def predict_address(self, terms: Terms) -> str:
        """Return where the factory puts the contract with these terms.

        Raises:
            WrongContractError, OutcomeUnknownError, WrongChainError: see `check_contracts`, which
                it calls unless somebody did.
        """

    def encode_create(self, terms: Terms) -> bytes:
        """Return the calldata that has the factory make an escrow."""

    def encode_release(self, operation_id: str, amount: int) -> bytes:
        """Return the calldata that has an escrow pay its beneficiary."""

    def encode_refund(self, operation_id: str, amount: int) -> bytes:
        """Return the calldata that has an escrow pay its depositor back."""

    def encode_dispute(self) -> bytes:
        """Return the calldata that opens a dispute."""


class KeystorePort(Protocol):
    """Has private keys, and signs whatever it is given: its holder decides what that is."""

    def addresses(self) -> Collection[str]:
        """Return whose keys there are.

        Raises:
            KeystoreError: they cannot be had.
        """

    def sign(self, unsigned: Unsigned) -> Signed:
        """Sign a transaction as it is.

        Raises:
            SigningRefusedError: there is no key of its sender (`no_key`).
            KeystoreError: the keys cannot be had.
        """


class SignerPort(Protocol):
    """Signs what the database says is to be signed, and nothing else."""

    def addresses(self) -> Collection[str]:
        """Return for whom it can sign."""

    def sign(self, intent_id: str, *, fees: Fees) -> Signed:
        """Sign an intent that has its nonce, as the database has it, at these fees.

        Raises:
            SigningRefusedError: it must not be signed, and why.
            UnavailableError: the signer does not answer.
        """
