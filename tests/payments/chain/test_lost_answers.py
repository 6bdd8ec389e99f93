"""A transaction handed in without an answer is handed in again, byte for byte, and mined once."""

import pytest

from tests.payments.chain.world import World

SENDING = "eth_sendRawTransaction"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", ["close", "answer"])
def test_a_lost_answer_leads_to_the_same_bytes_again(world: World, when: str, fault: str) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.chain.faults({"fault": fault, "when": when, "path": SENDING, "status": 503})
    world.send()
    intent = world.intent(release_id)
    assert (intent.state, intent.error) == ("broadcast", "unknown: the chain gave no answer")
    world.chain.faults()
    world.later(20)
    world.send()
    assert len(world.attempts(release_id)) == 1
    world.send_until_final()
    assert world.intent(release_id).state == "final"
    assert world.intent(release_id).mined_hash == world.attempts(release_id)[0].tx_hash
    assert world.remaining(escrow) == 0


def test_what_the_node_forgot_is_handed_in_again(world: World) -> None:
    escrow = world.new_escrow()
    world.send()
    tx_hash = world.attempts(escrow.id)[0].tx_hash
    world.chain.local.forget(bytes.fromhex(tx_hash[2:]))
    world.chain.mine()
    world.send()
    assert not world.port.knows(tx_hash)
    world.later(20)
    world.send()
    assert world.port.knows(tx_hash)
    world.chain.mine()
    world.send()
    assert world.intent(escrow.id).mined_hash == tx_hash


def test_already_known_is_a_success(world: World) -> None:
    escrow = world.new_escrow()
    world.send()
    world.later(20)
    figures = world.send()
    assert figures["handed_in"] == 1
    intent = world.intent(escrow.id)
    assert (intent.state, intent.error) == ("broadcast", None)
    assert len(world.attempts(escrow.id)) == 1


def test_an_answer_lost_with_its_mining_is_found_by_the_receipt(world: World) -> None:
    escrow = world.new_escrow()
    world.chain.faults({"fault": "close", "when": "after", "path": SENDING, "times": 1})
    world.send()
    world.chain.mine()
    world.later(20)
    world.send()
    assert world.intent(escrow.id).state == "mined"


def test_too_little_coin_for_gas_is_waited_for(world: World) -> None:
    escrow, second = world.funded_escrow(), world.new_escrow()
    release_id = world.release(escrow)
    world.chain.set_wei(world.settings.operator, 1)
    world.send()
    for subject_id in (release_id, second.id):
        assert (world.intent(subject_id).error or "").startswith("insufficient_funds")
    world.chain.set_wei(world.settings.operator, 10**18)
    world.later(10)
    world.send_until_final()
    for subject_id in (release_id, second.id):
        assert world.intent(subject_id).state == "final"
        assert len(world.attempts(subject_id)) == 1
