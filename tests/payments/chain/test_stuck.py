"""What waits too long is offered more for, with its nonce and its call, and is mined once."""

import pytest

from payments.chain.bump import raised_fees
from payments.chain.tables import ChainAttempt
from payments.chain_settings import FeePolicy
from payments.database import transaction
from payments.providers.chain_port import Fees
from tests.payments.chain.world import World

GWEI = 10**9


def stuck(world: World) -> str:
    """Release an escrow with a fee that no block takes any more."""
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.send()
    tip = world.attempts(release_id)[0].priority_fee
    world.chain.local.pool.minimum_tip = tip + 1
    return release_id


def test_a_stuck_transaction_is_replaced_by_one_that_offers_more(world: World) -> None:
    release_id = stuck(world)
    world.chain.mine()
    world.send()
    assert len(world.attempts(release_id)) == 1
    world.later(61)
    assert world.send()["bumped"] == 1
    first, second = world.attempts(release_id)
    assert second.nonce == first.nonce
    assert second.max_fee * 8 >= first.max_fee * 9
    assert second.priority_fee * 8 >= first.priority_fee * 9
    world.send_until_final()
    intent = world.intent(release_id)
    assert (intent.state, intent.mined_hash) == ("final", second.tx_hash)
    mined = world.chain.node.call("eth_getTransactionByHash", second.tx_hash)
    assert mined["input"] == f"0x{bytes(intent.calldata).hex()}"


def test_the_older_form_may_be_the_one_that_is_mined(world: World) -> None:
    release_id = stuck(world)
    world.later(61)
    world.send()
    first, second = world.attempts(release_id)
    raw = world.sending().cipher.decrypt(
        first.raw_encrypted, table="chain_attempts", column="raw_encrypted", row_id=first.tx_hash
    )
    world.chain.local.pool.minimum_tip = 0
    world.chain.local.forget(bytes.fromhex(second.tx_hash[2:]))
    world.chain.broadcast(bytes.fromhex(raw))
    world.chain.mine(4)
    world.send()
    world.send()
    assert world.intent(release_id).state == "final"
    assert world.intent(release_id).mined_hash == first.tx_hash


def test_only_the_first_that_waits_is_raised(world: World) -> None:
    release_id = stuck(world)
    second = world.new_escrow()
    world.send()
    world.later(61)
    world.chain.mine()
    world.send()
    assert [len(world.attempts(one)) for one in (release_id, second.id)] == [2, 1]


def test_no_fee_goes_beyond_the_policy(world: World) -> None:
    release_id = stuck(world)
    world.chain.local.pool.minimum_tip = 10**18
    for _ in range(40):
        world.later(61)
        if world.send().get("at_fee_limit"):
            break
    world.later(61)
    assert world.send()["at_fee_limit"] == 1
    highest = world.sending().highest_fees
    attempts = world.attempts(release_id)
    assert len(attempts) > 1
    assert all(one.max_fee <= highest.max_fee for one in attempts)
    assert all(one.priority_fee <= highest.priority_fee for one in attempts)
    assert len({one.nonce for one in attempts}) == 1
    world.chain.local.pool.minimum_tip = 0
    world.chain.mine(4)
    world.send()
    assert world.intent(release_id).state == "final"


@pytest.mark.parametrize(
    ("old", "current", "expected"),
    [
        (Fees(8 * GWEI, 8), Fees(1, 1), Fees(9 * GWEI, 9)),
        (Fees(8 * GWEI, 8), Fees(50 * GWEI, 5 * GWEI), Fees(50 * GWEI, 5 * GWEI)),
        (Fees(9, 1), Fees(1, 1), Fees(11, 2)),
        (Fees(8 * GWEI, 0), Fees(1, 1), Fees(9 * GWEI, 1)),
        (Fees(89 * GWEI, 8), Fees(1, 1), None),
        (Fees(8 * GWEI, 9 * GWEI), Fees(1, 1), None),
    ],
)
def test_what_is_offered_instead(old: Fees, current: Fees, expected: Fees | None) -> None:
    attempt = ChainAttempt(max_fee=old.max_fee, priority_fee=old.priority_fee)
    assert raised_fees(attempt, current, Fees(100 * GWEI, 10 * GWEI)) == expected


def test_what_a_node_finds_too_cheap_is_offered_more_for_at_once(world: World) -> None:
    """Somebody's copy of the same bytes with a higher fee is at the node already."""
    escrow = world.new_escrow()
    world.chain.faults({"fault": "close", "path": "eth_sendRawTransaction"})
    world.send()
    world.chain.faults()
    first = world.attempts(escrow.id)[0]
    intent = world.intent(escrow.id)
    raw = world.chain.sign(
        world.chain.operator,
        intent.to_address,
        nonce=intent.nonce or 0,
        data=bytes(intent.calldata),
        gas=intent.gas_limit,
        max_fee=first.max_fee,
        priority_fee=first.priority_fee + 1,
    )
    world.chain.broadcast(raw)
    world.later(20)
    world.send()
    assert world.intent(escrow.id).error == "underpriced"
    world.later(6)
    world.send()
    assert world.intent(escrow.id).error is None
    assert len(world.attempts(escrow.id)) == 2
    world.send_until_final()
    assert world.intent(escrow.id).state == "final"


def test_a_frozen_release_is_not_offered_more_for(world: World) -> None:
    release_id = stuck(world)
    lift = world.freeze()
    world.later(61)
    world.send()
    assert [one.broadcast_at is None for one in world.attempts(release_id)] == [False]
    assert (world.intent(release_id).error or "").startswith("frozen")
    lift()
    world.later(10)
    world.send()
    assert len(world.attempts(release_id)) == 2


def test_attempts_cannot_be_changed_or_forgotten(world: World) -> None:
    release_id = stuck(world)
    attempt = world.attempts(release_id)[0]
    with (
        pytest.raises(Exception, match="permission denied"),
        transaction(world.engine) as session,
    ):
        session.delete(session.get_one(ChainAttempt, attempt.tx_hash))


def test_a_chain_may_raise_fees_sooner(world: World) -> None:
    policy = FeePolicy(**{**vars(world.settings.fees), "bump_after_s": 5})
    hasty = world.with_settings(fees=policy)
    release_id = stuck(hasty)
    hasty.later(6)
    hasty.send()
    assert len(hasty.attempts(release_id)) == 2
