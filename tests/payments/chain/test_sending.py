"""Intents become transactions: each once, in the order of their nonces, followed until final."""

from tests.payments.chain.world import World


def test_an_escrow_is_deployed_and_released(world: World) -> None:
    escrow = world.funded_escrow()
    assert world.intent(escrow.id).state == "final"
    release_id = world.release(escrow)
    world.send()
    assert world.intent(release_id).state == "broadcast"
    assert len(world.attempts(release_id)) == 1
    world.chain.mine()
    world.send()
    intent = world.intent(release_id)
    assert (intent.state, intent.mined_hash) == ("mined", world.attempts(release_id)[0].tx_hash)
    assert intent.gas_paid is not None
    world.chain.mine(2)
    world.send()
    assert world.intent(release_id).state == "final"
    assert world.remaining(escrow) == 0
    assert world.chain.tokens_of(escrow.beneficiary) == 1_000_000 * 10**6 + escrow.amount
