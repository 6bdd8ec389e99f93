"""A freeze stops every release that was not sent before it, and nothing else."""

import threading
from collections.abc import Callable

import pytest

from payments.providers.chain_errors import SigningRefusedError
from payments.providers.chain_port import Fees
from tests.conditions import wait_until
from tests.payments.chain.world import DisturbedSigner, World


def test_a_frozen_release_waits_and_takes_no_nonce(world: World) -> None:
    escrow, other = world.funded_escrow(), world.funded_escrow()
    lift = world.freeze(escrow.order_id)
    frozen, free = world.release(escrow), world.release(other)
    before = world.row().next_nonce
    world.send()
    intent = world.intent(frozen)
    assert (intent.state, intent.nonce) == ("queued", None)
    assert (intent.error or "").startswith("frozen: frz_")
    assert (world.intent(free).state, world.row().next_nonce) == ("broadcast", before + 1)
    lift()
    world.later(10)
    world.send()
    assert world.intent(frozen).state == "broadcast"


def test_refunds_and_deployments_go_on_while_all_is_frozen(world: World) -> None:
    escrow = world.funded_escrow()
    world.freeze()
    release_id = world.release(escrow)
    refund_id, deployed = world.refund(escrow), world.new_escrow()
    world.send()
    assert world.intent(release_id).state == "queued"
    assert world.intent(refund_id).state == world.intent(deployed.id).state == "broadcast"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_frozen_around_its_signing_it_is_not_sent(world: World, moment: str) -> None:
    escrow = world.funded_escrow()
    release_id, later = world.release(escrow), world.new_escrow()
    signer = DisturbedSigner(world.signer())
    setattr(signer, moment, lambda: world.freeze(escrow.order_id))
    nonce = world.row().next_nonce
    world.send(signer=signer)
    intent = world.intent(release_id)
    assert (intent.state, intent.nonce, intent.broadcast_at) == ("queued", None, None)
    assert all(one.discarded_at for one in world.attempts(release_id))
    assert not any(world.port.knows(one.tx_hash) for one in world.attempts(release_id))
    world.send_until_final()
    filled = [one for one in world.intents() if one.nonce == nonce]
    assert [(one.kind, one.state) for one in filled] == [("noop", "final")]
    assert world.intent(later.id).nonce == nonce + 1
    assert world.remaining(escrow) == escrow.amount


def test_what_was_taken_back_is_sent_once_when_the_freeze_is_lifted(world: World) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    lifts: list[Callable[[], None]] = []
    world.send(signer=DisturbedSigner(world.signer(), after=lambda: lifts.append(world.freeze())))
    for lift in lifts:
        lift()
    world.later(10)
    world.send_until_final()
    intent = world.intent(release_id)
    assert intent.state == "final"
    assert [one.discarded_at is None for one in world.attempts(release_id)] == [False, True]
    assert world.remaining(escrow) == 0
    assert world.chain.tokens_of(escrow.beneficiary) == 1_000_000 * 10**6 + escrow.amount


def test_after_it_was_sent_the_same_bytes_are_not_handed_in_again(world: World) -> None:
    """Sent into nowhere, then frozen: a release must not begin after the freeze was answered."""
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.chain.faults({"fault": "close", "path": "eth_sendRawTransaction"})
    world.send()
    world.chain.faults()
    lift = world.freeze()
    world.later(20)
    world.send()
    tx_hash = world.attempts(release_id)[0].tx_hash
    assert not world.port.knows(tx_hash)
    assert world.intent(release_id).state == "broadcast"
    lift()
    world.later(10)
    world.send_until_final()
    assert world.intent(release_id).mined_hash == tx_hash


def test_a_freeze_is_answered_only_after_what_was_being_sent_was(world: World) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.chain.faults(
        {"fault": "slow", "when": "before", "path": "eth_sendRawTransaction", "wait_s": 1.5}
    )
    sender = threading.Thread(target=world.send)
    sender.start()
    wait_until(lambda: world.intent(release_id).broadcast_at is not None)
    world.freeze()
    assert world.port.knows(world.attempts(release_id)[0].tx_hash)
    sender.join()


def test_a_release_that_is_no_longer_approved_is_canceled_and_gives_its_nonce_away(
    world: World,
) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)

    def cancel() -> None:
        world.set("releases", release_id, status="canceled")

    world.send(signer=DisturbedSigner(world.signer(), after=cancel))
    intent = world.intent(release_id)
    assert (intent.state, intent.nonce) == ("canceled", None)
    world.send_until_final()
    assert world.remaining(escrow) == escrow.amount


def test_the_signer_itself_refuses_what_is_frozen(world: World) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.send()
    world.freeze()
    with pytest.raises(SigningRefusedError) as refused:
        world.signer().sign(world.intent(release_id).id, fees=Fees(10**9, 10**9))
    assert refused.value.code == "frozen"
