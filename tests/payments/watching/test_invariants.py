"""The truths about chains hold after every story, and each notices what it is there for."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from payments.database import connect_engine, transaction
from payments.invariants import broken_invariants
from payments.watching.invariants import INVARIANTS
from tests.chain import USDC, TestChain
from tests.databases import Servers
from tests.payments.watching.stage import Stage, open_stage

SABOTAGE = {
    "what the books have in a contract is what final effects put there, less what left": (
        "UPDATE strongroom.escrow_effects SET amount = amount + 1 WHERE kind = 'released'"
    ),
    "what an escrow says of its money is what is final on chain": (
        "UPDATE strongroom.escrows SET amount_released = amount_released - 1"
    ),
    "the payment of an escrow has the escrow's money, and stands where it does": (
        "UPDATE strongroom.payments SET amount_refunded = amount_refunded - 1"
    ),
    "an escrow's status follows from what happened on chain": (
        "UPDATE strongroom.escrows SET status = 'disputed' WHERE status = 'funded'"
    ),
    "what is final and moves money is booked, and nothing else is": (
        "UPDATE strongroom.escrow_effects SET state = 'orphaned' WHERE kind = 'deposited'"
    ),
    "every entry of a contract's money is of exactly one effect, of its amount": (
        "UPDATE strongroom.escrow_effects SET entry_id = NULL WHERE kind = 'refunded'"
    ),
    "a refund on chain has succeeded if and only if it is booked": (
        "UPDATE strongroom.refunds SET status = 'pending'"
    ),
    "an order with an escrow is paid while a payment of it is charged": (
        "UPDATE strongroom.orders SET status = 'open'"
    ),
    "what our transactions cost is booked once": (
        "UPDATE strongroom.chain_intents SET gas_paid = gas_paid + 1 WHERE gas_entry_id > 0"
    ),
}


@pytest.fixture(scope="module")
def story(servers: Servers, chain: TestChain) -> Iterator[Engine]:
    """A database to whose escrow everything happened, part of it twice; as its owner sees it."""
    url = servers.create_database("story_of_chains")
    engine, owner = connect_engine(url), create_engine(url)
    try:
        tell(open_stage(engine, chain))
        yield owner
    finally:
        engine.dispose()
        owner.dispose()
        servers.drop_database("story_of_chains")


def tell(stage: Stage) -> None:
    """Release and refund a part each, and have a reorganisation undo and redo what was booked."""
    escrow = stage.new_escrow()
    stage.send_until_final()
    stage.deposit(escrow)
    stage.mine_and_watch(3)
    stage.ask_release(escrow, 40 * USDC)
    stage.ask_refund(escrow, 25 * USDC)
    stage.send_until_final()
    stage.watch()
    assert stage.in_contract(escrow) == 35 * USDC
    depth = stage.chain.head.number - stage.settings.start_block - 1
    stage.chain.reorganise(depth, at=depth)
    assert stage.watch()["undone"] == 3
    assert stage.in_contract(escrow) == 0
    stage.send_until_final()
    stage.watch()
    with transaction(stage.engine) as session:
        query = text("SELECT count(*) FROM strongroom.chain_intents WHERE gas_entry_id > 0")
        assert session.scalar(query) == 3


def test_they_hold_after_all_that_can_happen(story: Engine) -> None:
    with story.connect() as connection:
        assert broken_invariants(connection) == []


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_notices_what_it_is_there_for(story: Engine, name: str) -> None:
    with story.connect() as connection:
        assert connection.execute(text(SABOTAGE[name])).rowcount > 0
        broken = {found.name for found in broken_invariants(connection)}
    assert name in broken
