"""An EVM chain behind the chain port."""

from collections.abc import Callable, Collection, Sequence
from typing import Literal, NoReturn

from payments.chain_settings import ChainSettings
from payments.providers.chain_errors import (
    NonceTooLowError,
    RefusedTransactionError,
    RevertedError,
    UnderpricedError,
    WrongContractError,
)
from payments.providers.chain_port import Block, ChainLog, EscrowState, Fees, Receipt, Terms
from payments.providers.evm import (
    artifacts,
    escrow_calls,
    escrow_logs,
    fee_policy,
    node_errors,
)
from payments.providers.evm.addresses import checksum
from payments.providers.evm.node import Node
from payments.providers.evm.node_errors import NodeError
from payments.providers.evm.rpc import Rpc
from payments.providers.evm.wire_values import quantity
from payments.providers.outcome import OutcomeUnknownError

CONTRACTS_AT_ONCE = 500
_STATUSES: tuple[Literal["none", "created", "funded", "disputed", "closed"], ...] = (
    *("none", "created", "funded", "disputed", "closed"),
)


class EvmChain:
    """A chain, as `ChainPort` describes it; threads may share one."""

    def __init__(
        self,
        settings: ChainSettings,
        *,
        rpc: Rpc | None = None,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        self._gate = gate
        """Nothing is asked of the chain yet."""
        self._settings = settings
        self._rpc = rpc or Rpc(settings)
        self._node = Node(settings.name, self._rpc)
        self._factory = checksum(settings.factory)
        self._operator = checksum(settings.operator)
        self._tokens = [checksum(token.address) for token in settings.tokens.values()]
        self._implementation: str | None = None

    # ---- what is in blocks -----------------------------------------------------------------

    def head(self) -> Block:
        """See `ChainPort`."""
        block = self._node.block("latest")
        if block is None:
            raise self._node.unreadable("eth_getBlockByNumber")
        return block

    def block(self, number: int) -> Block | None:
        """See `ChainPort`."""
        return self._node.block(number)

    def final_height(self) -> int:
        """See `ChainPort`."""
        if self._settings.confirmations == "finalized":
            final = self._node.block("finalized")
            return -1 if final is None else final.number
        return max(self._node.height() - self._settings.confirmations + 1, -1)

    def logs(
        self, *, operators: Collection[str], from_block: int, to_block: int
    ) -> Sequence[ChainLog]:
        """See `ChainPort`."""
        ours = {self._operator, *(checksum(operator) for operator in operators)}
        return self._node.logs(
            {"topics": escrow_logs.topics_of(ours)},
            lambda told: escrow_logs.read_logs(told, operators=ours, factory=self._factory),
            from_block=from_block,
            to_block=to_block,
        )

    def transfers(
        self, contracts: Collection[str], *, from_block: int, to_block: int
    ) -> Sequence[ChainLog]:
        """See `ChainPort`."""
        wanted = sorted({checksum(contract) for contract in contracts}) if self._tokens else []
        found: list[ChainLog] = []
        for at in range(0, len(wanted), CONTRACTS_AT_ONCE):
            topics = escrow_logs.topics_to(wanted[at : at + CONTRACTS_AT_ONCE])
            found += self._node.logs(
                {"address": self._tokens, "topics": topics},
                lambda told: escrow_logs.read_transfers(told, tokens=self._tokens),
                from_block=from_block,
                to_block=to_block,
            )
        return escrow_logs.in_order(found)

    # ---- transactions ----------------------------------------------------------------------

    def receipt(self, tx_hash: str) -> Receipt | None:
        """See `ChainPort`."""
        return self._node.receipt(tx_hash)

    def knows(self, tx_hash: str) -> bool:
        """See `ChainPort`."""
        method = "eth_getTransactionByHash"
        return self._node.read(lambda told: told is not None, method, tx_hash)

    def nonce(self, address: str) -> int:
        """See `ChainPort`."""
        return self._node.read(quantity, "eth_getTransactionCount", address, "latest")

    def balance(self, address: str) -> int:
        """See `ChainPort`."""
        return self._node.read(quantity, "eth_getBalance", address, "latest")

    def fees(self) -> Fees:
        """See `ChainPort`."""
        blocks, percentiles = hex(fee_policy.HISTORY_BLOCKS), [fee_policy.PERCENTILE]
        base_fee, tip = self._node.read(
            lambda told: (fee_policy.base_fee_in(told), fee_policy.usual_tip_in(told)),
            *("eth_feeHistory", blocks, "latest", percentiles),
        )
        tip = tip or self._suggested_tip()
        return fee_policy.within(self._settings.fees, base_fee=base_fee, tip=tip)

    def broadcast(self, raw: bytes) -> None:
        """See `ChainPort`."""
        self._gate()
        try:
            self._rpc.ask(
                "eth_sendRawTransaction",
                f"0x{raw.hex()}",
                understood=lambda error: node_errors.verdict_on_sending(error) is not None,
                is_brief=True,
            )
        except NodeError as error:
            if node_errors.verdict_on_sending(error) != "known":
                _refuse(error)

    def escrow_state(self, contract: str) -> EscrowState:
        """See `ChainPort`. All of it is read at the same block."""
        at = self._node.height()
        told = self._node.call(contract, escrow_calls.view("status"), at=at)
        if not told:
            return EscrowState("none", 0, is_paused=False)
        if int.from_bytes(told) >= len(_STATUSES):
            raise self._node.unreadable("eth_call")
        remaining = self._node.call(contract, escrow_calls.view("remaining"), at=at)
        is_paused = self._node.call(contract, escrow_calls.view("is_paused"), at=at)
        return EscrowState(
            _STATUSES[int.from_bytes(told)],
            int.from_bytes(remaining),
            is_paused=any(is_paused),
        )

    def estimate_gas(self, *, sender: str, to: str, calldata: bytes) -> int:
        """See `ChainPort`. The margin is a quarter; what is not used is not paid."""
        call = {"from": sender, "to": to, "data": f"0x{calldata.hex()}"}
        try:
            gas = self._node.read(
                quantity,
                *("eth_estimateGas", call),
                understood=lambda error: node_errors.is_revert(error) or _lacks_funds(error),
            )
        except NodeError as error:
            if _lacks_funds(error):
                _refuse(error)
            raise RevertedError(node_errors.reason_of(error)) from None
        return gas + gas // 4

    def check_contracts(self) -> None:
        """See `ChainPort`."""
        self._checked_implementation()

    # ---- encoding --------------------------------------------------------------------------

    def predict_address(self, terms: Terms) -> str:
        """See `ChainPort`."""
        implementation = self._checked_implementation()
        return escrow_calls.address_of(terms, factory=self._factory, implementation=implementation)

    def encode_create(self, terms: Terms) -> bytes:
        """See `ChainPort`."""
        return escrow_calls.create(terms)

    def encode_release(self, operation_id: str, amount: int) -> bytes:
        """See `ChainPort`."""
        return escrow_calls.release(operation_id, amount)

    def encode_refund(self, operation_id: str, amount: int) -> bytes:
        """See `ChainPort`."""
        return escrow_calls.refund(operation_id, amount)

    def encode_dispute(self) -> bytes:
        """See `ChainPort`."""
        return escrow_calls.dispute()

    def _checked_implementation(self) -> str:
        if self._implementation is None:
            self._implementation = self._ours()
        return self._implementation

    def _ours(self) -> str:
        """Return the contract whose code our factory's escrows share, both seen to be ours."""
        name = self._settings.name
        if not artifacts.escrow_factory().is_code_of(self._node.code(self._factory)):
            raise WrongContractError(f"{name}: {self._factory} is not our factory.")
        told = self._node.call(self._factory, escrow_calls.implementation_of_factory())
        found = checksum(f"0x{told[-20:].hex()}")
        if not artifacts.escrow().is_code_of(self._node.code(found)):
            raise WrongContractError(f"{name}: escrows of {self._factory} are not ours.")
        return found

    def _suggested_tip(self) -> int:
        """Return what the node would pay on top, where the last blocks tell nothing."""
        try:
            return self._node.read(quantity, "eth_maxPriorityFeePerGas")
        except OutcomeUnknownError:
            return 0


def _lacks_funds(error: NodeError) -> bool:
    return node_errors.verdict_on_sending(error) == "insufficient_funds"


def _refuse(error: NodeError) -> NoReturn:
    """Raise what a node's refusal of a transaction means."""
    verdict = node_errors.verdict_on_sending(error)
    if verdict == "nonce_too_low":
        raise NonceTooLowError("The node has mined another transaction with this nonce.") from None
    if verdict == "underpriced":
        raise UnderpricedError(f"The node wants a higher fee ({error}).") from None
    if verdict is None or verdict == "known":
        raise AssertionError(error)
    raise RefusedTransactionError(f"The node refuses it ({error}).", code=verdict) from None
