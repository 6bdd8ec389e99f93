"""What becomes of our own transactions, from the queue to the books, through the real sender."""

import secrets

from sqlalchemy import text

from payments.database import transaction
from sandbox.chain.wallet import calldata
from tests.chain import USDC
from tests.payments.watching.stage import Stage


def test_a_release_shows_where_its_transaction_is(stage: Stage) -> None:
    escrow = stage.funded_by_sender()
    release = stage.ask_release(escrow, 60 * USDC)
    seen = [release.status]
    for _ in range(4):
        stage.send()
        stage.watch()
        seen.append(stage.read(type(release), release.id).status)
        stage.chain.mine()
    stage.send()
    stage.watch()
    seen.append(stage.read(type(release), release.id).status)
    assert seen == ["approved", "broadcast", "mined", "mined", "posted", "posted"]
    with transaction(stage.engine) as session:
        gas = text(
            "SELECT sum(gas_paid), count(gas_entry_id), count(*) FROM strongroom.chain_intents"
        )
        paid, booked, intents = session.execute(gas).one()
    assert (booked, intents) == (2, 2)
    assert stage.spent_on_gas() == paid > 0
    assert stage.broken() == []


def test_a_transaction_refused_on_chain_gives_its_hold_back(stage: Stage) -> None:
    escrow = stage.funded_by_sender()
    release = stage.ask_release(escrow, 60 * USDC)
    stage.send()
    stage.mine_and_watch()
    assert stage.held(escrow) == (100 * USDC, 40 * USDC)
    guardian = stage.chain.guardian
    pause = stage.chain.sign(
        guardian,
        escrow.contract_address,
        nonce=stage.port.nonce(guardian.address),
        data=calldata("pause()"),
    )
    stage.chain.reorganise(1, include=[pause], at=1)
    stage.chain.mine(3)
    for _ in range(3):
        stage.watch()
        stage.send()
    stage.watch()
    failed = stage.read(type(release), release.id)
    assert (failed.status, failed.failure_code) == ("failed", "reverted")
    assert stage.held(escrow) == (100 * USDC, 100 * USDC)
    assert stage.escrow(escrow).is_paused
    assert stage.broken() == []


def test_a_refund_that_the_chain_would_refuse_fails_before_it_is_sent(stage: Stage) -> None:
    escrow = stage.funded_by_sender()
    refund = stage.ask_refund(escrow, 60 * USDC)
    number = f"0x{secrets.token_hex(32)}"
    stage.send_operation(stage.chain.buyer, escrow, "release", number, 50 * USDC)
    stage.chain.mine(3)
    stage.send()
    stage.watch()
    failed = stage.read(type(refund), refund.id)
    assert (failed.status, failed.failure_code) == ("failed", "not_sent")
    assert stage.held(escrow) == (50 * USDC, 50 * USDC)
    assert stage.broken() == []


def test_an_escrow_that_cannot_be_deployed_fails(stage: Stage) -> None:
    escrow = stage.new_escrow()
    with transaction(stage.engine) as session:
        query = "UPDATE strongroom.chain_intents SET state = 'canceled' WHERE subject_id = :id"
        session.execute(text(query), {"id": escrow.id})
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "failed"
    assert stage.payment(escrow).status == "canceled"
    assert stage.broken() == []


def test_an_escrow_that_nobody_funds_expires_by_the_time_of_final_blocks(stage: Stage) -> None:
    unfunded = stage.new_escrow()
    stage.send_until_final()
    undeployed = stage.new_escrow()
    stage.watch()
    assert stage.escrow(unfunded).status == "awaiting_deposit"
    stage.chain.pass_time(3600 * 2)
    stage.mine_and_watch()
    assert stage.escrow(unfunded).status == "awaiting_deposit"
    stage.mine_and_watch()
    assert stage.escrow(unfunded).status == "expired"
    assert stage.payment(unfunded).status == "expired"
    assert stage.escrow(undeployed).status == "failed"
    assert stage.broken() == []
