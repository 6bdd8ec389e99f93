"""The local chain with a file: what a restart, and a crash, leave of it."""

import time
from contextlib import closing
from pathlib import Path

from sandbox.chain.contracts_at_start import Gift, begin
from sandbox.chain.local_chain import LocalChain, Reorganisation
from sandbox.chain.places import BALANCES, CHAIN_ID
from sandbox.chain.token_contract import bytecode, compiled
from sandbox.chain.wallet import Wallet

WHO = Wallet.named("somebody")
GIFTS = [Gift(WHO.address, 10**18, 7)]


def opened(path: Path) -> LocalChain:
    return LocalChain(path, now=time.time, balances=BALANCES)  # noqa: TID251 - real blocks


def payment(nonce: int) -> bytes:
    return WHO.sign(
        chain_id=CHAIN_ID,
        nonce=nonce,
        to=WHO.address,
        gas=21_000,
        max_fee=10**10,
        priority_fee=10**9,
    )


def test_blocks_time_and_what_waits_survive_a_restart(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "chain.sqlite")) as chain:
        begin(chain, GIFTS)
        chain.send(payment(0))
        chain.mine(3)
        chain.reorganise(Reorganisation(depth=2))
        chain.pass_time(1_000_000)
        waiting = chain.send(payment(1))
        gap = chain.send(payment(3))
        before, now = list(chain.blocks), chain.now()
    with closing(opened(tmp_path / "chain.sqlite")) as chain:
        assert [block.hash for block in chain.blocks] == [block.hash for block in before]
        assert [[receipt.gas_used for receipt in block.receipts] for block in chain.blocks] == [
            [receipt.gas_used for receipt in block.receipts] for block in before
        ]
        assert 0 <= chain.now() - now < 60
        assert [one.hash for one in chain.pool.waiting()] == [waiting, gap]
        begin(chain, GIFTS)
        assert chain.head.hash == before[-1].hash  # nothing is made or given twice
        (block,) = chain.mine()
        assert [one.hash for one in block.transactions] == [waiting]


def test_what_was_not_kept_yet_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    chain = opened(tmp_path / "chain.sqlite")
    begin(chain, GIFTS)
    head = chain.head.hash
    with closing(opened(tmp_path / "chain.sqlite")) as crashed:  # as after a kill
        assert crashed.head.hash == head
    chain.close()


def test_the_token_is_what_its_source_compiles_to() -> None:
    assert bytecode() == compiled()
