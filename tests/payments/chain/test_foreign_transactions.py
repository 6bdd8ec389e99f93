"""Somebody else has the key, or the chain is reorganised: what is whose is told apart."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from payments.chain import intents
from payments.chain.send import look
from payments.chain.thaw import thaw
from payments.database import transaction
from payments.errors import ConflictError
from payments.providers.chain_port import Receipt
from payments.providers.evm.adapter import EvmChain
from tests.chain import TestChain
from tests.payments.chain.world import World


def steal(chain: TestChain, nonce: int, **changed: Any) -> bytes:
    """Sign a transaction of our operator that we know nothing of."""
    return chain.sign(chain.operator, chain.stranger.address, nonce=nonce, value=1, **changed)


def lose_to_a_stranger(world: World) -> str:
    """Release an escrow, and have a stranger's transaction mined with its nonce."""
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.chain.faults({"fault": "close", "path": "eth_sendRawTransaction"})
    world.send()
    world.chain.faults()
    world.chain.broadcast(steal(world.chain, world.intent(release_id).nonce or 0))
    world.chain.mine()
    return release_id


def test_a_strangers_transaction_on_our_nonce_freezes_the_signer(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    release_id = lose_to_a_stranger(world)
    later = world.new_escrow()
    world.send()
    world.chain.mine(2)
    world.send()
    assert world.row().frozen_at is None, "some looks may be deceived"
    assert world.intent(later.id).state == "queued", "meanwhile nothing is sent"
    world.chain.mine()
    world.send()
    signer = world.row()
    assert signer.frozen_at is not None
    assert "none of ours" in (signer.frozen_reason or "")
    assert "signer_frozen" in capsys.readouterr().out
    world.later(120)
    world.chain.mine(5)
    world.send()
    assert world.intent(later.id).state == "queued", "a frozen signer sends nothing"
    intent = world.intent(release_id)
    assert (intent.state, intent.error) == ("broadcast", "nonce_taken")


def test_thawed_it_goes_on_and_what_lost_its_nonce_has_failed(world: World) -> None:
    world = world.with_settings(confirmations=5)
    release_id = lose_to_a_stranger(world)
    later = world.new_escrow()
    world.send()
    world.chain.mine(3)
    world.send()
    sending = world.sending()
    with pytest.raises(ConflictError) as refused:
        thaw(sending, look(sending))
    assert refused.value.code == "not_final"
    world.chain.mine(3)
    lost = thaw(sending, look(sending))
    assert [one.id for one in lost] == [world.intent(release_id).id]
    assert world.intent(release_id).state == "failed"
    world.send_until_final()
    assert world.intent(later.id).state == "final"
    assert world.intent(later.id).nonce == (world.intent(release_id).nonce or 0) + 1


@dataclass
class WithoutReceipts(EvmChain):
    """A chain whose nodes tell of no receipt yet, and of the newest nonce."""

    lags: bool = True

    def receipt(self, tx_hash: str) -> Receipt | None:
        return None if self.lags else super().receipt(tx_hash)


def test_receipts_that_come_late_freeze_nobody(world: World) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.send()
    world.chain.mine()
    port = WithoutReceipts()
    EvmChain.__init__(port, world.settings)
    for _ in range(3):
        world.send(port=port)
    world.chain.mine()
    world.send(port=port)
    assert world.row().frozen_at is None
    port.lags = False
    world.send(port=port)
    assert world.intent(release_id).state == "mined"


def test_nonces_we_never_took_freeze_the_signer(world: World) -> None:
    world.send()
    world.chain.broadcast(steal(world.chain, 0))
    world.chain.mine()
    escrow = world.new_escrow()
    world.send()
    assert world.row().frozen_at is not None
    assert world.intent(escrow.id).state == "queued"
    sending = world.sending()
    assert thaw(sending, look(sending)) == []
    world.later(10)
    world.send_until_final()
    assert (world.intent(escrow.id).state, world.intent(escrow.id).nonce) == ("final", 1)


def test_an_address_that_was_used_before_begins_where_the_chain_is(
    world: World, chain: TestChain
) -> None:
    chain.broadcast(steal(chain, 0))
    chain.mine()
    escrow = world.new_escrow()
    world.send()
    assert world.intent(escrow.id).nonce == 1
    assert world.row().frozen_at is None


def test_a_node_that_lags_behind_our_first_nonce_opens_no_gap(
    world: World, chain: TestChain
) -> None:
    chain.broadcast(steal(chain, 0))
    chain.mine()
    escrow = world.new_escrow()
    world.send()
    chain.server.node.behind = 1
    world.send()
    chain.server.node.behind = 0
    assert [(one.kind, one.nonce) for one in world.intents()] == [("deploy", 1)]
    world.send_until_final()
    assert (world.intent(escrow.id).state, world.row().frozen_at) == ("final", None)


def test_a_strangers_transaction_that_is_reorganised_away_gives_the_nonce_back(
    world: World,
) -> None:
    release_id = lose_to_a_stranger(world)
    world.send()
    foreign = world.chain.head.transactions[0]
    world.chain.reorganise(1, drop=[foreign.hash.hex()])
    world.send()
    assert world.row().frozen_at is None
    world.later(20)
    world.send_until_final()
    assert world.intent(release_id).state == "final"


@pytest.mark.parametrize("depth", [1, 2])
def test_a_reorganisation_has_the_same_bytes_mined_again(world: World, depth: int) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.send()
    world.chain.mine(depth)
    world.send()
    mined = world.intent(release_id)
    assert mined.state == "mined"
    world.chain.reorganise(depth, drop=[mined.mined_hash or ""])
    world.send()
    again = world.intent(release_id)
    assert (again.state, again.block_hash, again.gas_paid) == ("broadcast", None, None)
    world.send_until_final()
    final = world.intent(release_id)
    assert (final.state, final.mined_hash) == ("final", mined.mined_hash)
    assert final.block_hash != mined.block_hash
    assert len(world.attempts(release_id)) == 1


def test_moved_to_another_block_it_is_final_only_there(world: World) -> None:
    escrow = world.new_escrow()
    world.send()
    world.chain.mine()
    world.send()
    first = world.intent(escrow.id)
    world.chain.reorganise(1, length=3, at=1)
    world.send()
    world.send()
    moved = world.intent(escrow.id)
    assert moved.block_number == (first.block_number or 0) + 1
    assert moved.block_hash != first.block_hash


def test_what_was_final_and_is_gone_is_sent_again(world: World) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.send_until_final(mine=3)
    final = world.intent(release_id)
    assert final.state == "final"
    depth = world.chain.head.number - (final.block_number or 0) + 1
    world.chain.reorganise(depth, drop=[final.mined_hash or ""])
    assert world.remaining(escrow) == escrow.amount
    world.send()
    world.later(20)
    world.send_until_final()
    again = world.intent(release_id)
    assert (again.state, again.mined_hash) == ("final", final.mined_hash)
    assert world.remaining(escrow) == 0


def test_whoever_watches_may_tell_of_a_reorganisation(world: World) -> None:
    escrow = world.funded_escrow()
    deployed = world.intent(escrow.id)
    with transaction(world.engine) as session:
        told = intents.reorganised(
            session,
            chain=world.settings.name,
            from_block=deployed.block_number or 0,
            now=world.now(),
        )
    assert told == 1
    assert world.intent(escrow.id).state == "broadcast"
    world.send()
    world.send()
    assert world.intent(escrow.id).block_hash == deployed.block_hash
    assert world.intent(escrow.id).state == "final"


def test_a_node_that_lags_freezes_nobody(world: World) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.send()
    world.chain.mine()
    world.send()
    world.chain.server.node.behind = 3
    for _ in range(3):
        world.send()
    assert world.row().frozen_at is None
    assert world.intent(release_id).state == "mined"
    world.chain.server.node.behind = 0
    world.send_until_final()
    assert world.intent(release_id).state == "final"


def test_an_old_copy_of_the_database_sends_nothing(world: World) -> None:
    world.funded_escrow()
    escrow = world.new_escrow()
    with transaction(world.engine) as session:
        session.execute(text("UPDATE strongroom.chain_signers SET next_nonce = 0"))
    world.send()
    assert "nonces are used on chain" in (world.row().frozen_reason or "")
    assert world.intent(escrow.id).state == "queued"
