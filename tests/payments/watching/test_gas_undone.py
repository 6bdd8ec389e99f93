"""What a transaction cost is undone with it, whoever of sender and watcher notices first."""

from sqlalchemy import text

from payments.database import transaction
from tests.payments.watching.stage import Stage


def booked(stage: Stage) -> tuple[int, int]:
    """Return what all that is final has cost, and how many transactions are booked."""
    query = text(
        "SELECT coalesce(sum(gas_paid), 0), count(gas_entry_id) FROM strongroom.chain_intents"
    )
    with transaction(stage.engine) as session:
        paid, entries = session.execute(query).one()
    return int(paid), entries


def test_gas_of_what_the_sender_sees_undone_first_is_undone_too(stage: Stage) -> None:
    escrow = stage.new_escrow()
    stage.send_until_final(mine=3)
    stage.watch()
    mined = stage.intent(escrow.id)
    assert mined.gas_entry_id is not None
    depth = stage.chain.head.number - (mined.block_number or 0) + 1
    stage.chain.reorganise(depth, drop=[mined.mined_hash or ""])
    stage.send()
    assert stage.intent(escrow.id).state == "broadcast"
    stage.watch()
    assert stage.intent(escrow.id).gas_entry_id is None
    assert stage.spent_on_gas() == 0
    stage.later(20)
    stage.send_until_final()
    stage.watch()
    assert stage.intent(escrow.id).gas_entry_id is not None
    assert (stage.spent_on_gas(), 1) == booked(stage)
    assert stage.broken() == []
