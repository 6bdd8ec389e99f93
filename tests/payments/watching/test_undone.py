"""What was booked and is in no block any more: undone, and booked anew when it is there again."""

import secrets

from tests.chain import USDC
from tests.payments.watching.stage import Stage


def test_our_release_is_undone_held_again_and_posted_anew(stage: Stage) -> None:
    escrow = stage.funded()
    release = stage.ask_release(escrow, 60 * USDC)
    raw_hash = stage.carry_out(release)
    stage.mine_and_watch(3)
    assert stage.in_contract(escrow) == 40 * USDC
    stage.chain.reorganise(3, hold=[raw_hash], length=3)
    stage.watch()
    [undone] = stage.releases(escrow)
    assert (undone.status, undone.posted_at) == ("approved", None)  # as its intent is
    assert stage.held(escrow) == (100 * USDC, 40 * USDC)
    assert stage.escrow(escrow).amount_released == 0
    assert stage.broken() == []
    stage.mine_and_watch(3)
    [posted] = stage.releases(escrow)
    assert posted.status == "posted"
    assert stage.entries(f"{release.id}:posted") == [
        f"{release.id}:posted",
        f"{release.id}:posted:reversed",
        f"{release.id}:posted:2",
    ]
    assert stage.held(escrow) == (40 * USDC, 40 * USDC)
    assert stage.broken() == []


def test_what_others_did_and_is_gone_for_good_is_canceled(stage: Stage) -> None:
    escrow = stage.funded()
    number = f"0x{secrets.token_hex(32)}"
    given_back = stage.send_operation(stage.chain.seller, escrow, "refund", number, 30 * USDC)
    stage.chain.mine()
    released = stage.send_operation(stage.chain.buyer, escrow, "release", number, 20 * USDC)
    stage.mine_and_watch(3)
    assert stage.in_contract(escrow) == 50 * USDC
    stage.chain.reorganise(4, drop=[given_back], hold=[released])
    stage.watch()
    [refund], [release] = stage.refunds(escrow), stage.releases(escrow)
    assert (refund.status, refund.booked, release.status) == ("canceled", "nothing", "canceled")
    assert stage.payment(escrow).status == "succeeded"
    assert stage.in_contract(escrow) == 100 * USDC
    assert stage.broken() == []
    stage.mine_and_watch(3)
    assert [row.status for row in stage.releases(escrow)] == ["posted"]
    assert [row.status for row in stage.refunds(escrow)] == ["canceled"]
    assert stage.in_contract(escrow) == stage.remaining(escrow) == 80 * USDC
    assert stage.broken() == []


def test_another_amount_under_the_same_number_is_another_refund(stage: Stage) -> None:
    escrow = stage.funded()
    seller, number = stage.chain.seller, secrets.token_bytes(32)
    told = f"0x{number.hex()}"
    first = stage.send_operation(seller, escrow, "refund", told, 30 * USDC)
    stage.mine_and_watch(3)
    stage.chain.reorganise(3, drop=[first])
    stage.send_operation(seller, escrow, "refund", told, 10 * USDC)
    stage.mine_and_watch(3)
    found = sorted((row.amount // USDC, row.status) for row in stage.refunds(escrow))
    assert found == [(10, "succeeded"), (30, "canceled")]
    assert stage.in_contract(escrow) == stage.remaining(escrow) == 90 * USDC
    assert stage.broken() == []


def test_what_is_still_final_in_another_block_stays_booked(stage: Stage) -> None:
    escrow = stage.funded()
    before = stage.effects(escrow)["deposited"]
    stage.chain.mine(4)
    stage.watch()
    stage.chain.reorganise(stage.chain.head.number - before.block_number + 1)
    assert stage.watch()["undone"] == 0
    after = stage.effects(escrow)["deposited"]
    assert (after.entry_id, after.bookings) == (before.entry_id, 1)
    assert after.block_hash != before.block_hash
    assert stage.escrow(escrow).status == "funded"
    assert stage.broken() == []
