"""Nodes that answer with nonsense: nothing is concluded from it, and nothing breaks by it."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from payments.chain_settings import ChainSettings, FeePolicy
from payments.providers.evm.adapter import EvmChain
from payments.providers.evm.addresses import checksum
from payments.providers.outcome import OutcomeUnknownError
from tests.payments.providers.evm.test_escrow_logs import FACTORY, OPERATOR, log
from tests.payments.providers.truelayer.scripted_server import Heard, Say, ScriptedServer

HASH = "0x" + "cc" * 32
ASKED: dict[str, Callable[[EvmChain], Any]] = {
    "eth_getBlockByNumber": lambda port: port.head(),
    "eth_blockNumber": lambda port: port.final_height(),
    "eth_getLogs": lambda port: port.logs(operators=(), from_block=1, to_block=9),
    "eth_getTransactionReceipt": lambda port: port.receipt(HASH),
    "eth_getTransactionCount": lambda port: port.nonce(OPERATOR),
    "eth_getBalance": lambda port: port.balance(OPERATOR),
    "eth_feeHistory": lambda port: port.fees(),
    "eth_call": lambda port: port.escrow_state(OPERATOR),
    "eth_estimateGas": lambda port: port.estimate_gas(sender=OPERATOR, to=FACTORY, calldata=b""),
    "eth_getCode": lambda port: port.check_contracts(),
}
RECEIPT = {"transactionHash": HASH, "blockHash": HASH, "blockNumber": "0x9", "gasUsed": "0x1"}


class StrangeNode:
    """Says of each method what a test has it say."""

    def __init__(self, server: ScriptedServer) -> None:
        self.results: dict[str, Any] = {"eth_chainId": "0x1", "eth_blockNumber": "0x9"}
        self.changed: dict[str, Any] = {}
        server.says("POST", "/", self._answer)
        settings = ChainSettings(
            name="strange",
            chain_id=1,
            rpc_urls=(server.url,),
            native_asset="ETH",
            factory=FACTORY,
            operator=OPERATOR,
            arbiter=checksum("0x" + "a2" * 20),
            guardian=checksum("0x" + "a3" * 20),
            tokens={},
            fees=FeePolicy(max_fee_gwei=Decimal(9), max_priority_fee_gwei=Decimal(1)),
        )
        self.port = EvmChain(settings)

    def _answer(self, heard: Heard) -> Say:
        method = heard.content["method"]
        told = {"jsonrpc": "2.0", "id": heard.content["id"], "result": self.results.get(method)}
        return Say(content={**told, **(self.changed if method != "eth_chainId" else {})})


@pytest.fixture
def node() -> Iterator[StrangeNode]:
    with ScriptedServer() as server:
        yield StrangeNode(server)


@pytest.mark.parametrize("method", ASKED)
def test_an_answer_of_another_form_is_no_answer(node: StrangeNode, method: str) -> None:
    strange = [5, "", "0xzz", "text", [], {}, [[]], {"number": "0x1"}, {"blockHash": HASH}, True]
    if method in ("eth_getLogs", "eth_call", "eth_getCode"):
        strange = [5, "0xzz", "text", {}, {"number": "0x1"}, True]  # the others do mean something
    for result in [*strange, {**RECEIPT, "status": None}, json.loads("1" + "0" * 400)]:
        node.results[method] = result
        with pytest.raises(OutcomeUnknownError):
            ASKED[method](node.port)


@pytest.mark.parametrize(
    "changed",
    [{"id": 10**9}, {"error": "text", "result": None, "id": None}, {"error": {"code": 5}, "id": 0}],
    ids=str,
)
def test_an_answer_to_something_else_is_no_answer(
    node: StrangeNode, changed: dict[str, Any]
) -> None:
    node.results["eth_getBalance"] = "0x5"
    assert node.port.balance(OPERATOR) == 5
    node.changed = changed
    with pytest.raises(OutcomeUnknownError):
        node.port.balance(OPERATOR)


def test_logs_of_other_blocks_than_asked_for_are_left_out(node: StrangeNode) -> None:
    node.results["eth_getLogs"] = [
        log(blockNumber=hex(number), logIndex="0x0") for number in (1, 2, 3, 4)
    ]
    found = node.port.logs(operators=(), from_block=2, to_block=3)
    assert [one.block_number for one in found] == [2, 3]


def test_a_receipt_that_is_in_no_block_yet_is_none(node: StrangeNode) -> None:
    node.results["eth_getTransactionReceipt"] = {**RECEIPT, "blockHash": None}
    assert node.port.receipt(HASH) is None


def test_where_blocks_tell_no_tip_the_nodes_own_is_taken(node: StrangeNode) -> None:
    node.results["eth_feeHistory"] = {"baseFeePerGas": ["0x5", "0x7"], "reward": [["0x0"]]}
    node.results["eth_maxPriorityFeePerGas"] = "0x3"
    assert node.port.fees().priority_fee == 3
    node.results["eth_maxPriorityFeePerGas"] = "nonsense"
    assert node.port.fees().priority_fee == 1
