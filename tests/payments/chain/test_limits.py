"""No more is moved at once, and in a day, than a chain's settings allow."""

import datetime as dt

import pytest

from payments.chain_settings import Limits
from tests.chain import USDC
from tests.payments.chain.world import World

HOUR = 3600


@pytest.fixture
def limited(world: World) -> World:
    return world.with_settings(limits={"USDC": Limits(transaction=60 * USDC, day=100 * USDC)})


def test_above_the_limit_of_one_transaction_it_is_canceled(limited: World) -> None:
    escrow = limited.funded_escrow()
    too_much, just_right = (limited.release(escrow, amount * USDC) for amount in (61, 60))
    limited.send()
    intent = limited.intent(too_much)
    assert (intent.state, intent.nonce) == ("canceled", None)
    assert (intent.error or "").startswith("limit_transaction")
    assert limited.intent(just_right).state == "broadcast"


def test_above_the_limit_of_a_day_it_waits_until_the_day_is_over(limited: World) -> None:
    escrow = limited.funded_escrow(200 * USDC)
    first = limited.release(escrow, 50 * USDC)
    limited.send()
    limited.later(HOUR)
    second, third = (limited.release(escrow, amount * USDC) for amount in (50, 1))
    limited.send()
    assert limited.intent(first).state == limited.intent(second).state == "broadcast"
    waiting = limited.intent(third)
    assert (waiting.state, waiting.nonce) == ("queued", None)
    assert (waiting.error or "").startswith("limit_day")
    limited.later(22 * HOUR)
    limited.send()
    assert limited.intent(third).state == "queued"
    limited.later(2 * HOUR)
    limited.send()
    assert limited.intent(third).state == "broadcast"


def test_refunds_and_releases_count_together(limited: World) -> None:
    escrow = limited.funded_escrow(200 * USDC)
    limited.release(escrow, 60 * USDC)
    refund_id = limited.refund(escrow, 41 * USDC)
    limited.send()
    assert (limited.intent(refund_id).error or "").startswith("limit_day")


def test_what_was_reverted_moved_nothing_and_counts_no_more(limited: World) -> None:
    escrow = limited.funded_escrow(60 * USDC)
    limited.release(escrow, 60 * USDC)
    reverted = limited.refund(escrow, 40 * USDC)
    limited.send_until_final()
    assert limited.intent(reverted).state == "failed"
    other = limited.funded_escrow(40 * USDC)
    second = limited.release(other, 40 * USDC)
    limited.send()
    assert limited.intent(second).state == "broadcast"


def test_an_asset_without_limits_is_not_moved(world: World) -> None:
    unlimited = world.with_settings(limits={"ETH": Limits(10**21, 10**21)})
    escrow = unlimited.funded_escrow()
    release_id = unlimited.release(escrow)
    unlimited.send()
    assert unlimited.intent(escrow.id).state == "final", "a deployment moves nothing"
    assert unlimited.intent(release_id).state == "canceled"


def test_what_is_sent_long_after_it_was_queued_counts_when_it_is_signed(limited: World) -> None:
    escrow = limited.funded_escrow(200 * USDC)
    lift = limited.freeze()
    first = limited.release(escrow, 60 * USDC)
    limited.send()
    limited.ahead += dt.timedelta(hours=20)
    lift()
    limited.send()
    limited.ahead += dt.timedelta(hours=20)
    second = limited.release(escrow, 60 * USDC)
    limited.send()
    assert limited.intent(first).state == "broadcast"
    assert (limited.intent(second).error or "").startswith("limit_day")
