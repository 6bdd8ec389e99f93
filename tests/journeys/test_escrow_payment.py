"""A payment on chain, end to end: funded, released, refunded, disputed, late."""

import datetime as dt

import pytest

from sandbox.calls import created
from sandbox.chain.wallet import NodeError
from tests.journeys.escrow import AMOUNT, USDC, EscrowRail, tells

TENTH = AMOUNT // 10
_OF_ESCROWS = ("escrow.updated", "release.updated")


def test_an_escrow_is_funded_and_released(escrows: EscrowRail) -> None:
    seller, debt = escrows.wallet("seller").address, escrows.owed_by_seller()
    escrow = escrows.open()
    assert (escrow["beneficiary"], escrow["amount"]) == (seller, str(AMOUNT))
    assert escrows.payment_of(escrow)["status"] == "requires_action"
    escrows.pay_in(escrow)
    funded = escrows.becomes(escrow, "funded")
    assert funded["amount_held"] == str(AMOUNT)
    assert (escrows.payment_of(escrow)["status"], escrows.order_status(escrow)) == (
        "succeeded",
        "paid",
    )
    assert (escrows.in_books(escrow), escrows.held_for(escrow)) == (AMOUNT, AMOUNT)

    before = escrows.coins("seller", escrow)
    asked = created(escrows.ask_release(escrow))
    escrows.release_becomes(asked, "broadcast", with_blocks=False)
    assert escrows.held_for(escrow) == AMOUNT
    escrows.mine(2)
    mined = escrows.wait(
        lambda: escrows.release_now(asked),
        lambda now: now["transaction"]["confirmations"] == 2,
        with_blocks=False,
    )
    assert mined["status"] == "mined"
    assert mined["transaction"] == {
        "hash": mined["transaction"]["hash"],
        "confirmations": 2,
        "required_confirmations": 3,
    }
    escrows.mine(1)
    released = escrows.release_becomes(asked, "posted")
    assert escrows.coins("seller", escrow) == before + AMOUNT
    closed = escrows.becomes(escrow, "closed")
    assert (closed["amount_released"], closed["amount_held"]) == (str(AMOUNT), "0")
    assert (escrows.in_books(escrow), escrows.held_for(escrow)) == (0, 0)
    # The contract pays it all; fee and tax are the seller's debt.
    owed = int(released["platform_fee"]) + int(released["tax"])
    assert (owed, escrows.owed_by_seller()) == (6_250_000 + 10_000_000, debt + owed)
    again = escrows.ask_release(escrow)
    assert again.status_code == 409
    assert escrows.coins("seller", escrow) == before + AMOUNT


def test_coins_are_released_in_part_and_the_rest_is_refunded(escrows: EscrowRail) -> None:
    amount = 135 * 10**16
    escrow = escrows.funded(escrows.order("ETH"))
    assert (escrow["amount"], escrow["token_address"]) == (str(amount), None)
    seller = escrows.coins("seller", escrow)
    escrows.release(escrow, 10**18)
    assert escrows.coins("seller", escrow) == seller + 10**18

    too_much = escrows.ask_release(escrow, amount - 10**18 + 1)
    assert (too_much.status_code, too_much.json()["code"]) == (409, "release_exceeds_held")
    buyer = escrows.coins("buyer", escrow)
    escrows.refund(escrow, amount - 10**18)
    assert escrows.coins("buyer", escrow) == buyer + amount - 10**18
    closed = escrows.becomes(escrow, "closed")
    assert (closed["amount_released"], closed["amount_refunded"]) == (
        str(10**18),
        str(amount - 10**18),
    )
    assert escrows.payment_of(escrow)["status"] == "partially_refunded"
    assert (escrows.in_books(escrow), escrows.held_for(escrow)) == (0, 0)


def test_an_escrow_is_refunded_whole(escrows: EscrowRail) -> None:
    escrow = escrows.funded()
    buyer = escrows.coins("buyer", escrow)
    escrows.refund(escrow, TENTH)
    assert escrows.payment_of(escrow)["status"] == "partially_refunded"
    escrows.refund(escrow)
    escrows.becomes(escrow, "closed")
    assert escrows.payment_of(escrow)["status"] == "refunded"
    assert escrows.coins("buyer", escrow) == buyer + AMOUNT
    assert (escrows.in_books(escrow), escrows.held_for(escrow)) == (0, 0)


@pytest.mark.parametrize(
    ("decision", "winner", "status"),
    [("release", "seller", "succeeded"), ("refund", "buyer", "refunded")],
)
def test_the_arbiter_decides_a_dispute(
    escrows: EscrowRail, decision: str, winner: str, status: str
) -> None:
    escrow = escrows.funded()
    reason = {"reason": "The desk has three legs."}
    created(escrows.call(f"escrow/{escrow['id']}/dispute", reason, who=escrows.system.cast.buyer))
    disputed = escrows.becomes(escrow, "disputed")
    assert (disputed["dispute_reason"], escrows.payment_of(escrow)["status"]) == (
        reason["reason"],
        "disputed",
    )
    refused = escrows.ask_release(escrow)
    assert refused.status_code == 409
    with pytest.raises(NodeError, match="not allowed to"):
        escrows.send("operator", escrow, f"{decision}(bytes32,uint256)", b"\1" * 32, AMOUNT)

    before = escrows.coins(winner, escrow)
    escrows.send("arbiter", escrow, f"{decision}(bytes32,uint256)", b"\1" * 32, AMOUNT)
    closed = escrows.becomes(escrow, "closed")
    assert closed[f"amount_{decision}{'d' if decision[-1] == 'e' else 'ed'}"] == str(AMOUNT)
    assert escrows.coins(winner, escrow) == before + AMOUNT
    assert escrows.payment_of(escrow)["status"] == status
    assert (escrows.in_books(escrow), escrows.held_for(escrow)) == (0, 0)


def test_an_escrow_that_nobody_funds_expires(escrows: EscrowRail) -> None:
    escrow = escrows.open(fund_by=in_seconds(escrows, 300))
    escrows.knob("clock", {"advance_s": 301})
    with pytest.raises(NodeError, match="past fund_by"):
        escrows.send("buyer", escrow, "deposit()")
    escrows.mine()
    expired = escrows.becomes(escrow, "expired")
    assert expired["deposit"] is None
    assert (escrows.payment_of(escrow)["status"], escrows.order_status(escrow)) == (
        "expired",
        "open",
    )
    again = escrows.funded({"id": escrow["order_id"], "currency": "USDC"})
    assert again["contract_address"] != escrow["contract_address"]
    assert escrows.order_status(escrow) == "paid"


def test_what_is_not_released_in_time_the_buyer_takes_back(escrows: EscrowRail) -> None:
    fund_by, release_by = (in_seconds(escrows, seconds) for seconds in (300, 600))
    escrow = escrows.funded(fund_by=fund_by, release_by=release_by)
    with pytest.raises(NodeError):
        escrows.send("buyer", escrow, "reclaim()")
    escrows.knob("clock", {"advance_s": 601})
    with pytest.raises(NodeError, match="only the depositor"):
        escrows.send("seller", escrow, "reclaim()")
    buyer = escrows.coins("buyer", escrow)
    escrows.send("buyer", escrow, "reclaim()")
    closed = escrows.becomes(escrow, "closed")
    assert closed["amount_refunded"] == str(AMOUNT)
    assert escrows.coins("buyer", escrow) == buyer + AMOUNT
    assert escrows.payment_of(escrow)["status"] == "refunded"
    assert (escrows.in_books(escrow), escrows.held_for(escrow)) == (0, 0)


def test_both_parties_hear_of_it_and_nobody_else(escrows: EscrowRail) -> None:
    system = escrows.system
    with (
        system.listening() as buyer,
        system.listening(person="seller") as seller,
        system.listening(person="other_buyer") as other,
    ):
        escrow = escrows.funded()
        released = escrows.release(escrow, 100 * USDC)
        for listener in (buyer, seller):
            funded = listener.wait_for(tells("escrow.updated", escrow, "funded")).data
            assert funded["amount_held"] == str(AMOUNT)
            posted = listener.wait_for(tells("release.updated", released, "posted")).data
            assert posted["transaction"]["hash"] == released["transaction"]["hash"]
        # What comes to the other buyer now comes after all of that.
        own = escrows.payment_of_other_buyer()
        first = other.wait_for(
            lambda event: event.topic in _OF_ESCROWS or event.data.get("id") == own["id"]
        )
    assert first.data["id"] == own["id"]
    foreign = escrows.call(f"escrow/{escrow['id']}", who=system.cast.other_buyer)
    assert foreign.status_code == 404


def in_seconds(escrows: EscrowRail, seconds: int) -> str:
    """Return a moment of the chain's time, as the API takes it."""
    moment = dt.datetime.fromtimestamp(escrows.chain_time() + seconds, dt.UTC)
    return moment.isoformat()
