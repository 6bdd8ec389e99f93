"""What the local chain's node answers, compared with what web3 makes of it."""

import pytest
import requests
from eth_typing import HexStr
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError

from payments.providers.evm import artifacts
from sandbox.chain.wallet import NodeClient, NodeError, calldata
from tests.chain import ETH, USDC, TestChain
from tests.conditions import wait_until


def knob(chain: TestChain, method: str, path: str, body: object) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, f"{chain.url}/_sandbox/{path}", json=body, timeout=10)


def topic_of(address: str) -> str:
    return f"0x{address[2:].lower():0>64}"


def test_the_factory_makes_an_escrow_that_is_paid_in_full(chain: TestChain) -> None:
    web3 = Web3(HTTPProvider(chain.url))
    factory = web3.eth.contract(
        Web3.to_checksum_address(chain.factory), abi=artifacts.escrow_factory().abi
    )
    now = chain.head.timestamp
    terms = (
        b"\x07" * 32,
        *(wallet.address for wallet in (chain.buyer, chain.seller, chain.operator)),
        *(chain.arbiter.address, chain.guardian.address, chain.token),
        *(5 * USDC, now + 1_000, now + 2_000, now + 3_000),
    )
    escrow = factory.functions.address_of(terms).call()
    create = bytes.fromhex(factory.encode_abi("create", [terms])[2:])
    made = chain.send(chain.operator, chain.factory, create)
    chain.mine()
    paid = chain.deposit(chain.buyer, escrow, 5 * USDC)
    chain.mine()
    assert web3.eth.get_transaction_receipt(HexStr(paid))["status"] == 1
    assert chain.tokens_of(escrow) == 5 * USDC
    contract = web3.eth.contract(escrow, abi=artifacts.escrow().abi)
    too_much = contract.functions.release(b"\x01" * 32, 6 * USDC)
    with pytest.raises(ContractLogicError, match="more than remains"):
        too_much.estimate_gas({"from": chain.operator.address})
    release = contract.functions.release(b"\x01" * 32, 5 * USDC)
    gas = release.estimate_gas({"from": chain.operator.address})
    release.call({"from": chain.operator.address, "gas": gas})

    of_us = {"fromBlock": "0x0", "topics": [None, topic_of(chain.operator.address)]}
    logs = chain.node.call("eth_getLogs", of_us)
    assert [log["transactionHash"] for log in logs] == [made, paid]


def test_logs_are_chosen_by_addresses_and_by_lists_of_topics(chain: TestChain) -> None:
    start = hex(chain.head.number + 1)
    chain.transfer_tokens(chain.buyer, chain.stranger.address, 1)
    chain.transfer_tokens(chain.seller, chain.arbiter.address, 2)
    chain.send(chain.buyer, chain.token, calldata("approve(address,uint256)", chain.token, 3))
    (block,) = chain.mine()

    def amounts(**wanted: object) -> list[int]:
        logs = chain.node.call("eth_getLogs", {"fromBlock": start, **wanted})
        return sorted(int(log["data"], 16) for log in logs)

    receivers = [topic_of(chain.stranger.address), topic_of(chain.arbiter.address)]
    assert amounts() == [1, 2, 3]
    assert amounts(address=[chain.factory, chain.token]) == [1, 2, 3]
    assert amounts(address=chain.factory) == []
    assert amounts(topics=[None, None, receivers]) == [1, 2]
    assert amounts(topics=[None, topic_of(chain.buyer.address)]) == [1, 3]
    assert amounts(topics=[[], [], receivers[0].upper().replace("X", "x")]) == [1]
    assert amounts(topics=[None, None, None, None]) == []
    of_block = {"blockHash": f"0x{block.hash.hex()}"}
    assert len(chain.node.call("eth_getLogs", of_block)) == 3
    indexes = [log["logIndex"] for log in chain.node.call("eth_getLogs", of_block)]
    assert indexes == ["0x0", "0x1", "0x2"]
    with pytest.raises(NodeError, match="unknown block"):
        chain.node.call("eth_getLogs", {"blockHash": "0x" + "11" * 32})


def test_blocks_are_asked_for_by_number_hash_and_name(chain: TestChain) -> None:
    chain.mine(10)
    head = chain.head.number
    numbers = {
        name: int(chain.node.call("eth_getBlockByNumber", name)["number"], 16)
        for name in ("earliest", "finalized", "safe", "latest", hex(2))
    }
    assert numbers == {
        "earliest": 0,
        "finalized": head - 6,
        "safe": head - 3,
        "latest": head,
        "0x2": 2,
    }
    assert chain.node.call("eth_getBlockByNumber", hex(head + 1)) is None
    web3 = Web3(HTTPProvider(chain.url))
    block = web3.eth.get_block("latest", full_transactions=True)
    assert web3.eth.get_block(block["hash"]) == web3.eth.get_block(head)
    history = web3.eth.fee_history(3, "latest", [50])
    assert (history["oldestBlock"], len(history["baseFeePerGas"])) == (head - 2, 4)


def test_the_past_is_answered_as_it_was(chain: TestChain) -> None:
    before = hex(chain.head.number)
    chain.send(chain.buyer, chain.stranger.address, value=5)
    chain.mine()
    assert chain.node.number("eth_getBalance", chain.stranger.address, before) == 1_000 * ETH
    assert chain.wei_of(chain.stranger.address) == 1_000 * ETH + 5
    assert chain.node.number("eth_getTransactionCount", chain.buyer.address, before) == 0


def test_many_calls_come_at_once(chain: TestChain) -> None:
    calls = [
        {"jsonrpc": "2.0", "id": 7, "method": "eth_chainId", "params": []},
        {"jsonrpc": "2.0", "id": 8, "method": "eth_nothing", "params": []},
    ]
    with requests.Session() as session:
        session.trust_env = False
        answers = session.post(chain.url, json=calls, timeout=10).json()
    assert answers[0] == {"jsonrpc": "2.0", "id": 7, "result": hex(31337)}
    assert (answers[1]["id"], answers[1]["error"]["code"]) == (8, -32601)


def test_calls_go_wrong_as_told(chain: TestChain) -> None:
    raw = chain.sign(chain.buyer, chain.stranger.address, nonce=0)
    lost = {"fault": "close", "when": "after", "path": "eth_sendRawTransaction", "times": 1}
    chain.faults(lost, {"fault": "answer", "status": 429, "path": "eth_getLogs"})
    with pytest.raises(requests.ConnectionError):
        chain.broadcast(raw)
    with pytest.raises(NodeError, match=r"^already known$"):  # it had arrived
        chain.broadcast(raw)
    with pytest.raises(NodeError, match="told to fail"):
        chain.node.call("eth_getLogs", {})
    assert chain.node.number("eth_chainId") == 31337
    chain.faults()
    assert chain.node.call("eth_getLogs", {"address": chain.factory}) == []


def test_another_node_of_the_chain_may_lag(chain: TestChain) -> None:
    paid = chain.send(chain.buyer, chain.stranger.address, value=5)
    chain.mine(2)
    with chain.another_node() as server:
        server.node.behind = 2
        late = NodeClient(server.url)
        assert late.number("eth_blockNumber") == chain.head.number - 2
        assert late.call("eth_getTransactionReceipt", paid) is None
        assert late.number("eth_getTransactionCount", chain.buyer.address, "latest") == 0
        late.close()
    assert chain.receipt(paid) is not None


def test_knobs_move_blocks_time_and_money(chain: TestChain) -> None:
    head, now = chain.head.number, chain.head.timestamp
    assert len(knob(chain, "POST", "mine", {"count": 2}).json()["blocks"]) == 2
    assert knob(chain, "POST", "clock", {"advance_s": 86_400}).json()["now"] >= now + 86_400
    gift = {"address": chain.token, "wei": "5", "tokens": "7"}
    assert len(knob(chain, "POST", "faucet", gift).json()["transactions"]) == 2
    knob(chain, "POST", "mine", {})
    assert (chain.wei_of(chain.token), chain.tokens_of(chain.token)) == (0, 7)
    knob(chain, "PUT", "balances", {chain.token: "9"})
    assert chain.wei_of(chain.token) == 9
    knob(chain, "POST", "reorganise", {"depth": 1, "length": 1})
    state = knob(chain, "GET", "state", None).json()
    assert (state["head"], state["waiting"]) == (head + 5, [])
    assert knob(chain, "POST", "reorganise", {"depth": 99}).status_code == 400
    assert chain.wei_of(chain.token) == 0


def test_blocks_come_by_themselves_while_something_happens(chain: TestChain) -> None:
    knob(chain, "PUT", "mining", {"every_s": 0.01})
    paid = chain.send(chain.buyer, chain.stranger.address, value=5)
    wait_until(lambda: chain.receipt(paid) is not None)
    wait_until(lambda: not chain.local.wants_block())
    head = chain.head.number
    receipt = chain.receipt(paid)
    assert receipt is not None
    assert head == int(receipt["blockNumber"], 16) + 12
    knob(chain, "PUT", "mining", {"every_s": 0})
    assert chain.receipt(chain.send(chain.buyer, chain.stranger.address, value=5)) is not None
    assert chain.head.number == head + 1
