"""A block so full of logs that look like ours that no node tells them: it is read all the same.

Anybody may write such logs: what asks for them by operator must not be stopped by it.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from payments.chain_settings import ChainSettings, FeePolicy, TokenSettings
from payments.providers.evm.adapter import EvmChain
from payments.providers.evm.addresses import checksum
from payments.providers.outcome import OutcomeUnknownError
from tests.payments.providers.evm.test_escrow_logs import (
    ESCROW,
    FACTORY,
    OPERATOR,
    STRANGER,
    TOKEN,
    log,
    transfer,
)
from tests.payments.providers.truelayer.scripted_server import Heard, Say, ScriptedServer

CROWDED = 5
_TOO_MANY = {"code": -32005, "message": "query returned more than 10000 results"}


class CrowdedNode:
    """Tells no logs of one block; with `has_receipts`, its receipts tell them."""

    def __init__(self, server: ScriptedServer) -> None:
        self.has_receipts = True
        self.block: dict[str, str] = {}
        server.says("POST", "/", self._answer)
        self.port = EvmChain(
            ChainSettings(
                name="crowded",
                chain_id=1,
                rpc_urls=(server.url,),
                native_asset="ETH",
                factory=FACTORY,
                operator=OPERATOR,
                arbiter=checksum("0x" + "a2" * 20),
                guardian=checksum("0x" + "a3" * 20),
                tokens={"USDC": TokenSettings(asset="USDC", address=TOKEN)},
                fees=FeePolicy(max_fee_gwei=Decimal(9), max_priority_fee_gwei=Decimal(1)),
            )
        )

    def _answer(self, heard: Heard) -> Say:
        call = heard.content
        told = {"jsonrpc": "2.0", "id": call["id"], **self._result(call["method"], call["params"])}
        return Say(content=told)

    def _result(self, method: str, params: Any) -> dict[str, Any]:
        if method == "eth_getLogs":
            first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
            if first <= CROWDED <= last:
                return {"error": _TOO_MANY}
            return {"result": [log(blockNumber=hex(first)) for first in range(first, last + 1)]}
        if method == "eth_getBlockReceipts" and self.has_receipts:
            assert params == [hex(CROWDED)]
            other = [log()["topics"][0], "0x" + "00" * 12 + STRANGER[2:].lower(), "0x" + "11" * 32]
            logs = [log(), log(topics=other), transfer(), transfer(address=STRANGER)]
            placed = [{**one, "blockNumber": hex(CROWDED)} for one in logs]
            return {"result": [{"logs": placed[:1]}, {"logs": placed[1:]}, {"logs": []}]}
        told = {"eth_chainId": "0x1", "eth_blockNumber": "0x9", "eth_getBlockByNumber": self.block}
        return {"result": told.get(method)}


@pytest.fixture
def node() -> Iterator[CrowdedNode]:
    with ScriptedServer() as server:
        yield CrowdedNode(server)


def test_a_block_with_too_many_logs_is_read_by_its_receipts(node: CrowdedNode) -> None:
    found = node.port.logs(operators=(), from_block=2, to_block=9)
    assert [one.block_number for one in found] == list(range(2, 10))
    assert {(one.kind, one.contract) for one in found} == {("released", ESCROW)}


def test_its_transfers_are_only_those_that_were_asked_for(node: CrowdedNode) -> None:
    [found] = node.port.transfers([ESCROW], from_block=CROWDED, to_block=CROWDED)
    assert (found.token, found.contract) == (TOKEN, ESCROW)
    assert node.port.transfers([STRANGER], from_block=CROWDED, to_block=CROWDED) == []


def test_without_receipts_nothing_is_concluded(node: CrowdedNode) -> None:
    node.has_receipts = False
    with pytest.raises(OutcomeUnknownError):
        node.port.logs(operators=(), from_block=2, to_block=9)


@pytest.mark.parametrize("name", ["number", "timestamp"])
def test_a_block_out_of_this_world_is_none(node: CrowdedNode, name: str) -> None:
    hashes = {"hash": "0x" + "aa" * 32, "parentHash": "0x" + "bb" * 32}
    node.block = {**hashes, "number": "0x9", "timestamp": "0x9"}
    assert node.port.head().number == 9
    node.block[name] = hex(2**64)
    with pytest.raises(OutcomeUnknownError):
        node.port.head()
