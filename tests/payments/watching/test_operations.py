"""What takes money out of an escrow, by us or by others: each is booked as what it is."""

import secrets

from tests.chain import USDC
from tests.payments.watching.stage import Stage


def any_number() -> str:
    return f"0x{secrets.token_hex(32)}"


def test_our_release_is_posted_once_it_is_final(stage: Stage) -> None:
    escrow = stage.funded()
    release = stage.ask_release(escrow, 60 * USDC)
    assert stage.held(escrow) == (100 * USDC, 40 * USDC)
    stage.carry_out(release)
    stage.mine_and_watch(2)
    assert stage.releases(escrow)[0].status == "approved"
    stage.mine_and_watch()
    [posted] = stage.releases(escrow)
    assert posted.status == "posted"
    assert posted.posted_at is not None
    assert stage.held(escrow) == (40 * USDC, 40 * USDC)
    assert stage.in_contract(escrow) == stage.remaining(escrow) == 40 * USDC
    assert stage.escrow(escrow).status == "funded"
    assert stage.payment(escrow).status == "succeeded"
    stage.carry_out(stage.ask_release(escrow, 40 * USDC))
    stage.mine_and_watch(3)
    assert stage.escrow(escrow).status == "closed"
    assert stage.payment(escrow).status == "succeeded"
    assert [row.platform_fee for row in stage.releases(escrow)] == [3 * USDC, 2 * USDC]
    assert stage.broken() == []


def test_our_refund_is_booked_once_it_is_final(stage: Stage) -> None:
    escrow = stage.funded()
    stage.carry_out(stage.ask_refund(escrow, 30 * USDC))
    stage.mine_and_watch(3)
    assert stage.payment(escrow).status == "partially_refunded"
    stage.carry_out(stage.ask_refund(escrow, 70 * USDC))
    stage.mine_and_watch(3)
    assert stage.payment(escrow).status == "refunded"
    assert stage.escrow(escrow).status == "closed"
    assert [row.booked for row in stage.refunds(escrow)] == ["refunded", "refunded"]
    assert stage.in_contract(escrow) == stage.remaining(escrow) == 0
    assert stage.broken() == []


def test_the_depositor_may_release_without_us(stage: Stage) -> None:
    escrow = stage.funded()
    stage.send_operation(stage.chain.buyer, escrow, "release", any_number(), 10 * USDC)
    stage.mine_and_watch(3)
    [release] = stage.releases(escrow)
    assert (release.origin, release.status) == ("chain", "posted")
    assert release.requested_by == f"chain:{stage.chain.buyer.address}"
    assert release.platform_fee == 5 * USDC // 10
    assert stage.held(escrow) == (90 * USDC, 90 * USDC)
    assert stage.broken() == []


def test_the_beneficiary_may_give_back_without_us(stage: Stage) -> None:
    escrow = stage.funded()
    stage.send_operation(stage.chain.seller, escrow, "refund", any_number(), 100 * USDC)
    stage.mine_and_watch(3)
    [refund] = stage.refunds(escrow)
    assert (refund.origin, refund.status, refund.booked) == ("provider", "succeeded", "refunded")
    assert stage.payment(escrow).status == "refunded"
    assert stage.payment(escrow).poll_at is None
    assert stage.broken() == []


def test_nobody_can_use_up_the_number_of_our_release(stage: Stage) -> None:
    escrow = stage.funded()
    release = stage.ask_release(escrow, 60 * USDC)
    assert release.operation_id is not None
    stage.send_operation(stage.chain.buyer, escrow, "release", release.operation_id, 1)
    stage.mine_and_watch(3)
    stage.carry_out(release)
    stage.mine_and_watch(3)
    ours, theirs = sorted(stage.releases(escrow), key=lambda row: -row.amount)
    assert (ours.origin, ours.status, ours.amount) == ("api", "posted", 60 * USDC)
    assert (theirs.origin, theirs.status, theirs.amount) == ("chain", "posted", 1)
    assert stage.broken() == []


def test_an_arbiter_shares_out_what_is_disputed(stage: Stage) -> None:
    escrow = stage.funded()
    stage.send_call(stage.chain.buyer, escrow, "open_dispute()")
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "disputed"
    assert stage.payment(escrow).status == "disputed"
    stage.send_operation(stage.chain.arbiter, escrow, "release", any_number(), 60 * USDC)
    stage.chain.mine()
    stage.send_operation(stage.chain.arbiter, escrow, "refund", any_number(), 40 * USDC)
    stage.mine_and_watch(3)
    assert stage.escrow(escrow).status == "closed"
    assert stage.payment(escrow).status == "partially_refunded"
    assert stage.history(escrow)[-2:] == ["disputed", "partially_refunded"]
    assert stage.releases(escrow)[0].requested_by == f"chain:{stage.chain.arbiter.address}"
    assert stage.in_contract(escrow) == stage.remaining(escrow) == 0
    assert stage.broken() == []


def test_money_that_others_take_first_is_not_reserved_any_more(stage: Stage) -> None:
    escrow = stage.funded()
    stage.ask_release(escrow, 30 * USDC)
    stage.ask_refund(escrow, 60 * USDC)
    stage.send_operation(stage.chain.buyer, escrow, "release", any_number(), 50 * USDC)
    stage.mine_and_watch(3)
    ours = next(row for row in stage.releases(escrow) if row.origin == "api")
    [refund] = stage.refunds(escrow)
    assert ours.hold_id is not None
    assert (refund.status, refund.booked, refund.hold_id) == ("pending", "nothing", None)
    assert stage.held(escrow) == (50 * USDC, 20 * USDC)
    assert stage.escrow(escrow).status == "funded"
    assert stage.broken() == []


def test_a_deposit_can_be_reclaimed_past_the_time_for_releases(stage: Stage) -> None:
    escrow = stage.funded()
    release = stage.ask_release(escrow, 60 * USDC)
    stage.chain.pass_time(3600 + 86_400)
    stage.send_call(stage.chain.buyer, escrow, "reclaim()")
    stage.mine_and_watch(3)
    assert stage.escrow(escrow).status == "closed"
    assert stage.payment(escrow).status == "refunded"
    assert stage.refunds(escrow)[0].amount == 100 * USDC
    assert stage.read(type(release), release.id).hold_id is None
    assert stage.in_contract(escrow) == stage.remaining(escrow) == 0
    assert stage.broken() == []
