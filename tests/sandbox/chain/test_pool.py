"""What the local chain takes in, in which order it mines it, and what it says to the rest."""

import pytest

from sandbox.chain.wallet import NodeError
from tests.chain import ETH, TestChain

GWEI = 10**9


def nonce_of(chain: TestChain, at: str) -> int:
    return chain.node.number("eth_getTransactionCount", chain.buyer.address, at)


def plain(chain: TestChain, nonce: int, *, tip: int = 2 * GWEI, value: int = 1) -> bytes:
    return chain.sign(
        chain.buyer,
        chain.stranger.address,
        nonce=nonce,
        gas=21_000,
        max_fee=10 * tip,
        priority_fee=tip,
        value=value,
    )


def test_a_nonce_gap_waits_until_it_is_filled(chain: TestChain) -> None:
    second, third = chain.broadcast(plain(chain, 1)), chain.broadcast(plain(chain, 2))
    chain.mine(2)
    assert chain.receipt(second) is None
    assert (nonce_of(chain, "latest"), nonce_of(chain, "pending")) == (0, 0)
    first = chain.broadcast(plain(chain, 0))
    assert nonce_of(chain, "pending") == 3
    (block,) = chain.mine()
    assert [f"0x{one.hash.hex()}" for one in block.transactions] == [first, second, third]
    assert nonce_of(chain, "latest") == 3


def test_a_nonce_is_replaced_only_by_what_offers_a_tenth_more(chain: TestChain) -> None:
    chain.broadcast(plain(chain, 0, tip=10 * GWEI))
    with pytest.raises(NodeError, match=r"^replacement transaction underpriced$"):
        chain.broadcast(plain(chain, 0, tip=11 * GWEI - 1, value=2))
    dearer = chain.broadcast(plain(chain, 0, tip=11 * GWEI, value=2))
    chain.mine()
    assert chain.receipt(dearer) is not None


def test_bytes_that_wait_are_already_known_and_mined_ones_have_a_nonce_too_low(
    chain: TestChain,
) -> None:
    raw = plain(chain, 0)
    chain.broadcast(raw)
    with pytest.raises(NodeError, match=r"^already known$"):
        chain.broadcast(raw)
    chain.mine()
    with pytest.raises(NodeError, match=r"^nonce too low: next nonce 1, tx nonce 0$"):
        chain.broadcast(raw)


def test_what_no_node_would_take_is_refused(chain: TestChain) -> None:
    to, buyer = chain.stranger.address, chain.buyer
    foreign = buyer.sign(chain_id=1, nonce=0, to=to, gas=21_000, max_fee=9, priority_fee=9)
    refused = {
        "insufficient funds for gas": plain(chain, 0, value=1_001 * ETH),
        "intrinsic gas too low": chain.sign(buyer, to, nonce=0, gas=20_000),
        "exceeds block gas limit": chain.sign(buyer, to, nonce=0, gas=30_000_001),
        "tip needed 1": chain.sign(buyer, to, nonce=0, priority_fee=0),
        "higher than max fee": chain.sign(buyer, to, nonce=0, max_fee=5, priority_fee=6),
        "invalid chain id for signer: have 1 want 31337": foreign,
        "invalid transaction": b"\x02\x01",
    }
    for words, raw in refused.items():
        with pytest.raises(NodeError, match=words) as refusal:
            chain.broadcast(raw)
        assert refusal.value.code == -32000


def test_the_best_tip_is_mined_first_and_too_small_a_tip_waits(chain: TestChain) -> None:
    small = chain.broadcast(plain(chain, 0, tip=2 * GWEI))
    large = chain.broadcast(
        chain.sign(chain.seller, chain.stranger.address, nonce=0, priority_fee=3 * GWEI)
    )
    chain.local.pool.minimum_tip = 3 * GWEI
    (block,) = chain.mine()
    assert [f"0x{one.hash.hex()}" for one in block.transactions] == [large]
    assert chain.node.number("eth_maxPriorityFeePerGas") == 3 * GWEI
    chain.local.pool.minimum_tip = 1
    chain.mine()
    assert chain.receipt(small) is not None
