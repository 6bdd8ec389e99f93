"""A node that leaves out what another one told: nothing is undone by its silence."""

from collections.abc import Sequence
from typing import Any

import pytest

from payments.providers.chain_port import ChainLog
from payments.providers.evm.adapter import EvmChain
from payments.watching.errors import TornReadingError
from tests.payments.watching.stage import Stage


class Forgetful(EvmChain):
    """A chain whose node tells of no logs."""

    def logs(self, **_asked: Any) -> Sequence[ChainLog]:
        return []


def test_what_was_told_of_a_block_is_not_undone_by_silence(stage: Stage) -> None:
    escrow = stage.deployed()
    stage.deposit(escrow)
    stage.mine_and_watch()
    stage.chain.mine()
    with pytest.raises(TornReadingError):
        stage.watch_with(Forgetful(stage.settings))
    assert stage.escrow(escrow).status == "deposit_seen"
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "funded"


def test_what_a_node_left_out_is_found_when_its_blocks_are_read_again(stage: Stage) -> None:
    escrow = stage.deployed()
    stage.chain.mine(8)
    stage.watch()  # what was told before is no more read again
    stage.deposit(escrow)
    stage.chain.mine()
    stage.watch_with(Forgetful(stage.settings))
    assert stage.escrow(escrow).status == "awaiting_deposit"
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "deposit_seen"
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "funded"
    assert stage.broken() == []
