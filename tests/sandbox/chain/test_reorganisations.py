"""Branches that take each other's place: the local chain's, and what anvil makes of the same."""

from collections.abc import Iterator

import pytest

from sandbox.chain.wallet import NodeError
from tests.anvil import find_anvil, running_anvil
from tests.chain import AnyChain, TestChain, running_chain


@pytest.fixture(params=["local", "anvil"])
def any_chain(request: pytest.FixtureRequest) -> Iterator[AnyChain]:
    """Both: what tests of the product may rely on is what both do."""
    if request.param == "anvil" and find_anvil() is None:
        pytest.skip("no anvil here")
    with running_anvil() if request.param == "anvil" else running_chain() as chain:
        yield chain


def pay(chain: AnyChain, value: int) -> str:
    return chain.send(chain.buyer, chain.stranger.address, value=value)


def received(chain: AnyChain) -> int:
    """What the stranger got beyond what everybody has to begin with, in wei."""
    return chain.wei_of(chain.stranger.address) - chain.wei_of(chain.arbiter.address)


def place(chain: AnyChain, tx_hash: str) -> tuple[int, str]:
    receipt = chain.receipt(tx_hash)
    assert receipt is not None
    return int(receipt["blockNumber"], 16), receipt["blockHash"]


def test_transactions_are_found_again_in_the_new_branch(chain: TestChain) -> None:
    paid = pay(chain, 5)
    chain.mine(3)
    number, block_hash = place(chain, paid)
    chain.reorganise(3, at=1)
    assert place(chain, paid)[0] == number + 1
    assert place(chain, paid)[1] != block_hash
    assert chain.head.number == number + 3
    assert chain.node.call("eth_getBlockByHash", block_hash) is None
    assert received(chain) == 5
    # Each block names its parent, and each height is found under its number.
    for lower, upper in zip(chain.local.blocks, chain.local.blocks[1:], strict=False):
        assert upper.header.parent_hash == lower.hash
        shown = chain.node.call("eth_getBlockByNumber", hex(upper.number))
        assert shown["hash"] == f"0x{upper.hash.hex()}"


def test_a_dropped_transaction_is_undone_until_its_bytes_come_again(any_chain: AnyChain) -> None:
    chain = any_chain
    first = chain.sign(chain.buyer, chain.stranger.address, nonce=0, value=5)
    dropped = chain.broadcast(first)
    follower = pay(chain, 7)
    chain.mine(2)
    chain.reorganise(2, drop=[dropped])
    chain.mine(2)
    assert chain.receipt(dropped) is None
    assert chain.node.call("eth_getTransactionByHash", dropped) is None
    assert chain.receipt(follower) is None  # its nonce is the next one
    assert received(chain) == 0
    assert chain.broadcast(first) == dropped
    chain.mine()
    assert received(chain) == 12


def test_a_held_transaction_waits_until_after_the_branch(any_chain: AnyChain) -> None:
    chain = any_chain
    held = pay(chain, 5)
    chain.mine(1)
    chain.reorganise(1, hold=[held])
    assert chain.receipt(held) is None
    assert chain.node.call("eth_getTransactionByHash", held)["blockNumber"] is None
    chain.mine()
    assert chain.receipt(held) is not None


def test_a_foreign_transaction_takes_a_nonce_in_the_new_branch(any_chain: AnyChain) -> None:
    chain = any_chain
    ours = chain.sign(chain.operator, chain.stranger.address, nonce=0, value=5)
    our_hash = chain.broadcast(ours)
    chain.mine(2)
    foreign = chain.sign(chain.operator, chain.operator.address, nonce=0)
    chain.reorganise(2, include=[foreign])
    assert chain.receipt(our_hash) is None
    assert received(chain) == 0
    with pytest.raises(NodeError, match="nonce too low"):
        chain.broadcast(ours)


def test_depths_that_cannot_be_are_refused(chain: TestChain) -> None:
    for depth in (0, chain.head.number + 1):
        with pytest.raises(ValueError, match="no branch"):
            chain.reorganise(depth)


def test_every_depth_leaves_the_same_transactions_when_none_is_dropped(any_chain: AnyChain) -> None:
    chain = any_chain
    paid = []
    for value in range(1, 13):
        paid.append(pay(chain, value))
        chain.mine()
    for depth in range(1, 13):
        height = chain.height
        chain.reorganise(depth)
        assert chain.height == height + 1
        assert received(chain) == sum(range(1, 13))
        assert all(chain.receipt(one) is not None for one in paid)
