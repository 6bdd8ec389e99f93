"""What stands in an escrow's way: reorganisations, pauses, freezes, limits, and stray tokens."""

from sandbox.calls import created
from sandbox.chain.wallet import Wallet
from sandbox.escrow_calls import in_contract
from tests.journeys.escrow import AMOUNT, USDC, Body, EscrowRail

MANY = 50_000
GAS = 100_000
LARGE = 12_000 * USDC


def test_a_deposit_is_reorganised_away_before_it_is_final(escrows: EscrowRail) -> None:
    escrow = escrows.open()
    deposit = escrows.pay_in(escrow)
    escrows.mine(1)
    seen = escrows.becomes(escrow, "deposit_seen", with_blocks=False)
    assert (seen["confirmations"], escrows.held_for(escrow)) == (1, 0)
    escrows.knob("reorganise", {"depth": 1, "drop": [deposit]})
    waiting = escrows.becomes(escrow, "awaiting_deposit")
    assert [e["state"] for e in waiting["timeline"] if e["kind"] == "deposited"] == ["orphaned"]
    assert (escrows.order_status(escrow), escrows.held_for(escrow)) == ("open", 0)

    again = escrows.pay_in(waiting)
    funded = escrows.becomes(escrow, "funded")
    assert [e["tx_hash"] for e in funded["timeline"] if e["state"] == "final"][-1] == again
    assert (escrows.order_status(escrow), escrows.held_for(escrow)) == ("paid", AMOUNT)


def test_a_deposit_is_reorganised_away_after_it_was_booked(escrows: EscrowRail) -> None:
    escrow = escrows.open()
    deposit = escrows.pay_in(escrow)
    escrows.becomes(escrow, "funded")
    assert escrows.order_status(escrow) == "paid"
    mined = int(escrows.knob("state", method="GET")["head"])
    block = escrows.mined_in(deposit)
    escrows.knob("reorganise", {"depth": mined - block + 1, "drop": [deposit]})
    waiting = escrows.becomes(escrow, "awaiting_deposit")
    assert (escrows.order_status(escrow), escrows.payment_of(escrow)["status"]) == (
        "open",
        "requires_action",
    )
    assert (escrows.in_books(escrow), escrows.held_for(escrow)) == (0, 0)
    assert escrows.ask_release(escrow).json()["code"] == "escrow_not_funded"

    escrows.pay_in(waiting)
    escrows.becomes(escrow, "funded")
    assert escrows.order_status(escrow) == "paid"
    assert (escrows.in_books(escrow), escrows.held_for(escrow)) == (AMOUNT, AMOUNT)
    escrows.release(escrow)
    escrows.becomes(escrow, "closed")
    assert escrows.history(escrow).count("succeeded") == 2


def test_a_release_is_reorganised_into_another_block_and_paid_once(escrows: EscrowRail) -> None:
    escrow = escrows.funded()
    before, debt = escrows.coins("seller", escrow), escrows.owed_by_seller()
    released = escrows.release(escrow)
    owed = escrows.owed_by_seller()
    head = int(escrows.knob("state", method="GET")["head"])
    block = escrows.mined_in(released["transaction"]["hash"])
    depth = head - block + 1
    escrows.knob("reorganise", {"depth": depth, "at": depth + 1})
    escrows.becomes(escrow, "funded", with_blocks=False)
    assert (escrows.in_books(escrow), escrows.owed_by_seller()) == (AMOUNT, debt)

    escrows.release_becomes(released, "posted")
    escrows.becomes(escrow, "closed")
    assert escrows.coins("seller", escrow) == before + AMOUNT
    assert (escrows.in_books(escrow), escrows.owed_by_seller()) == (0, owed)


def test_the_guardian_pauses_while_a_release_waits(escrows: EscrowRail) -> None:
    escrow = escrows.funded()
    before = escrows.coins("seller", escrow)
    with_nothing_sent(escrows)
    asked = created(escrows.ask_release(escrow, 100 * USDC))
    escrows.send("guardian", escrow, "pause()", gas=GAS)
    escrows.mine()
    escrows.until(lambda: escrows.now(escrow), lambda now: now["is_paused"])
    escrows.knob("faults", {}, method="PUT")
    escrows.refund(escrow, 35 * USDC)  # a pause stops releases only
    assert escrows.release_now(asked)["status"] == "approved"
    assert escrows.coins("seller", escrow) == before

    escrows.send("guardian", escrow, "unpause()")
    escrows.release_becomes(asked, "posted")
    assert not escrows.becomes(escrow, "closed")["is_paused"]
    assert escrows.coins("seller", escrow) == before + 100 * USDC


def test_a_freeze_stops_a_release_that_was_asked_for(escrows: EscrowRail) -> None:
    escrow = escrows.funded()
    before = escrows.coins("seller", escrow)
    with_nothing_sent(escrows)
    asked = created(escrows.ask_release(escrow))
    doubt = {"reason": "The parcel is lost.", "order_id": escrow["order_id"]}
    freeze = created(escrows.call("ops/freeze", doubt, who=escrows.admin))
    escrows.knob("faults", {}, method="PUT")
    refused = escrows.ask_release(escrow, 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "releases_frozen")
    # What is asked for after it is sent after it: this one has come, the release has not.
    other = escrows.funded()
    assert escrows.release_now(asked)["status"] == "approved"
    assert escrows.coins("seller", escrow) == before

    lift = {"freeze_id": freeze["id"], "reason": "It was found."}
    assert escrows.call("ops/unfreeze", lift, who=escrows.admin).status_code == 202
    again = escrows.call("ops/unfreeze", lift, who=escrows.admin)
    assert again.json()["code"] == "second_person_needed"
    assert escrows.release_now(asked)["status"] == "approved"
    assert escrows.call("ops/unfreeze", lift, who=escrows.operator).status_code == 200
    escrows.release_becomes(asked, "posted")
    escrows.becomes(escrow, "closed")
    escrows.release(other)
    assert escrows.coins("seller", escrow) == before + 2 * AMOUNT


def test_a_release_above_the_limit_takes_two_people(escrows: EscrowRail) -> None:
    escrow = escrows.funded(escrows.order(lines=[line(LARGE)], platform_fee="0"))
    before = escrows.coins("seller", escrow)
    asked = created(escrows.ask_release(escrow, who=escrows.finance))
    assert (asked["status"], asked["needs_approval"]) == ("requested", True)
    refused = escrows.ask_release(escrow, 1)  # all of it is held for the first
    assert refused.json()["code"] == "release_exceeds_held"
    own = escrows.call(f"releases/{asked['id']}/approve", {}, who=escrows.finance)
    assert own.json()["code"] == "second_person_needed"
    approved = created(escrows.call(f"releases/{asked['id']}/approve", {}, who=escrows.admin))
    assert approved["approved_by"] not in (None, approved["requested_by"])
    escrows.release_becomes(asked, "posted")
    escrows.becomes(escrow, "closed")
    assert escrows.coins("seller", escrow) == before + LARGE


def test_a_seller_who_is_not_known_well_enough_is_not_paid(escrows: EscrowRail) -> None:
    seller = created(escrows.call("parties", {"name": "New Workshop", "country": "DE"}))
    wallet = Wallet.named(f"workshop {seller['id']}")
    place = {"kind": "chain", "chain": "sandbox", "address": wallet.address}
    wanted = created(escrows.call(f"parties/{seller['id']}/payout-destinations", place))
    created(escrows.call(f"payout-destinations/{wanted['id']}/approve", {}, who=escrows.finance))
    escrows.know(seller, "basic")
    escrow = escrows.funded(escrows.order(seller_id=seller["id"]))
    assert escrow["beneficiary"] == wallet.address

    escrows.know(seller, "none")
    refused = escrows.ask_release(escrow)
    assert (refused.status_code, refused.json()["code"]) == (403, "kyc_required")
    escrows.know(seller, "basic")
    escrows.release(escrow)
    assert escrows.coins_of(wallet.address, escrow) == AMOUNT


def test_tokens_sent_straight_to_the_address_are_no_deposit(escrows: EscrowRail) -> None:
    escrow = escrows.open()
    buyer = escrows.coins("buyer", escrow)
    escrows.transfer("other_buyer", escrow, AMOUNT)
    astray = escrows.until(
        lambda: escrows.now(escrow), lambda now: now["amount_stray"] == str(AMOUNT)
    )
    assert (astray["status"], astray["amount_held"]) == ("awaiting_deposit", "0")
    assert (escrows.in_books(escrow), escrows.order_status(escrow)) == (0, "open")

    escrows.pay_in(escrow)
    escrows.becomes(escrow, "funded")
    assert in_contract(escrows.system.way_in, escrow) == 2 * AMOUNT
    escrows.send("seller", escrow, "rescue(address)", escrow["token_address"])
    escrows.until(lambda: escrows.now(escrow), lambda now: now["amount_stray"] == "0")
    assert escrows.coins("buyer", escrow) == buyer
    escrows.refund(escrow)
    escrows.becomes(escrow, "closed")


def with_nothing_sent(escrows: EscrowRail) -> None:
    """Keep the sender from finding out what a call would need: nothing is signed meanwhile."""
    rule = {"fault": "answer", "status": 503, "when": "before", "path": "eth_estimateGas"}
    escrows.knob("faults", {"rules": [{**rule, "times": MANY}]}, method="PUT")


def line(amount: int) -> Body:
    """Return a line of an order over so much, without tax."""
    return {"description": "Walnut table", "quantity": 1, "unit_amount": str(amount)}
