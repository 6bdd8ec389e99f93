"""Tokens that answer, take, move or call otherwise than they should."""

import pytest
from eth_utils.address import to_canonical_address

from tests.payments.providers.evm.contracts.machine import NOBODY, Contract, RevertedError, account
from tests.payments.providers.evm.contracts.world import (
    AMOUNT,
    CLOSED,
    CREATED,
    FALSE,
    FALSE_BUT_MOVES,
    FUNDED,
    HALF,
    LONG,
    NOTHING,
    TOKEN_BURNS,
    TOKEN_REVERTS,
    TRUE,
    TRUE_ONLY,
    World,
    operation,
)


def of(manner: int, fee: int = 0) -> World:
    """Return a world whose token is strange before anything happens."""
    world = World(of_token=True)
    turn(world, manner, fee)
    world.create()
    return world


def turn(world: World, manner: int, fee: int = 0) -> None:
    assert world.token
    world.token.send("behave", manner, fee, by=NOBODY)


@pytest.mark.parametrize("manner", [TRUE, NOTHING, LONG])
def test_a_token_that_moves_what_it_should_may_answer_nothing_or_more(manner: int) -> None:
    world = of(manner)
    world.deposit()
    before = world.has("beneficiary")
    world.act("operator", "release", operation(1), AMOUNT)
    assert world.has("beneficiary") == before + AMOUNT
    assert world.parked("beneficiary") == 0


@pytest.mark.parametrize(
    ("manner", "fee"),
    [
        (FALSE, 0),
        (FALSE_BUT_MOVES, 0),
        (TRUE_ONLY, 0),
        (TOKEN_REVERTS, 0),
        (TOKEN_BURNS, 0),
        (HALF, 0),
        (TRUE, 1),
        (TRUE, 100),
    ],
)
def test_a_deposit_counts_only_when_exactly_it_arrived(manner: int, fee: int) -> None:
    world = of(manner, fee)
    with pytest.raises(RevertedError):
        world.deposit()
    assert world.status == CREATED
    assert world.held(world.escrow.address) == 0


def test_a_deposit_needs_the_approval_of_all_of_it() -> None:
    world = of(TRUE)
    assert world.token
    world.call("depositor", world.token, "approve", world.escrow.address, AMOUNT - 1)
    with pytest.raises(RevertedError):
        world.act("depositor", "deposit")


@pytest.mark.parametrize("manner", [FALSE, TRUE_ONLY, TOKEN_REVERTS, TOKEN_BURNS])
def test_what_a_token_does_not_move_is_parked_whatever_it_answers(manner: int) -> None:
    world = of(TRUE)
    world.deposit()
    before = world.has("beneficiary"), world.has("depositor")
    turn(world, manner)
    logs = world.act("operator", "release", operation(1), 400_000)
    assert [log.name for log in logs] == ["Released", "Parked"]
    assert logs[1].values["recipient"] == f"0x{world.people['beneficiary'].hex()}"
    world.act("operator", "refund", operation(2), 600_000)
    assert (world.status, world.parked("beneficiary")) == (CLOSED, 400_000)
    with pytest.raises(RevertedError):
        world.act("beneficiary", "withdraw")
    turn(world, TRUE)
    [log] = world.act("beneficiary", "withdraw")
    assert (log.name, log.values["amount"]) == ("Withdrawn", 400_000)
    world.act("stranger", "withdraw_for", world.people["depositor"])
    assert world.has("beneficiary") - before[0] == 400_000
    assert world.has("depositor") - before[1] == 600_000
    for who in ("beneficiary", "depositor"):
        with pytest.raises(RevertedError, match="nothing parked"):
            world.act(who, "withdraw")


def test_a_token_that_moves_but_answers_false_pays_once() -> None:
    world = of(TRUE)
    world.deposit()
    before = world.has("beneficiary")
    turn(world, FALSE_BUT_MOVES)
    world.act("operator", "release", operation(1), AMOUNT)
    assert (world.has("beneficiary") - before, world.parked("beneficiary")) == (AMOUNT, 0)


def test_a_token_that_moves_another_amount_moves_nothing() -> None:
    world = of(TRUE)
    world.deposit()
    turn(world, HALF)
    with pytest.raises(RevertedError, match="token moved another amount"):
        world.act("operator", "release", operation(1), AMOUNT)
    assert (world.status, world.remaining) == (FUNDED, AMOUNT)
    assert not world.escrow.look("used", operation(1))


def test_a_fee_that_begins_later_is_the_recipients() -> None:
    world = of(TRUE)
    world.deposit()
    before = world.has("beneficiary")
    turn(world, TRUE, fee=10)
    world.act("operator", "release", operation(1), AMOUNT)
    assert world.has("beneficiary") - before == AMOUNT * 9 // 10
    assert (world.status, world.held(world.escrow.address)) == (CLOSED, 0)


@pytest.mark.parametrize("blocked", ["beneficiary", "depositor"])
def test_whom_the_issuer_blocks_holds_up_nobody_else(blocked: str) -> None:
    world = of(TRUE)
    world.deposit()
    before = {who: world.has(who) for who in ("beneficiary", "depositor")}
    world.block(blocked)
    world.act("operator", "release", operation(1), 400_000)
    world.act("operator", "refund", operation(2), 600_000)
    shares = {"beneficiary": 400_000, "depositor": 600_000}
    for who, share in shares.items():
        assert world.parked(who) == (share if who == blocked else 0)
        assert world.has(who) - before[who] == (0 if who == blocked else share)
    world.block(blocked, blocked=False)
    world.act("stranger", "withdraw_for", world.people[blocked])
    assert world.has(blocked) - before[blocked] == shares[blocked]


CALLS_FROM_WITHIN = [
    ("deposit",),
    ("release", operation(7), 1),
    ("refund", operation(7), 1),
    ("reclaim",),
    ("withdraw",),
    ("open_dispute",),
    ("pause",),
]


@pytest.mark.parametrize("call", CALLS_FROM_WITHIN, ids=lambda call: call[0])
@pytest.mark.parametrize("role", ["operator", "beneficiary", "guardian"])
def test_a_token_that_calls_back_does_not_get_in_even_when_it_is_a_party(
    call: tuple[str, ...], role: str
) -> None:
    world = World(of_token=True)
    token = world.token
    assert token
    terms = world.terms(**{role: token.address})
    address = world.factory.look("address_of", terms)
    if role == "operator":  # which the factory must be called by
        data = world.factory.calldata("create", terms)
        world.machine.send(token.address, world.factory.address, data)
    else:
        world.factory.send("create", terms, by=world.people["operator"])
    escrow = Contract(world.machine, to_canonical_address(address), world.escrow.abi)
    token.send("reenter", escrow.address, escrow.calldata(*call), by=NOBODY)
    token.send("approve", escrow.address, AMOUNT, by=world.people["depositor"])
    escrow.send("deposit", by=world.people["depositor"])
    by = token.address if role == "operator" else world.people["operator"]
    escrow.send("release", operation(1), 1, by=by)
    escrow.send("refund", operation(2), 1, by=by)
    assert token.look("calls_tried") == 3
    assert token.look("calls_done") == 0
    assert escrow.look("remaining") == AMOUNT - 2


def test_a_token_that_shrinks_leaves_what_is_there_to_be_taken() -> None:
    world = of(TRUE)
    world.deposit()
    before = world.has("depositor")
    assert world.token
    world.token.send("shrink", world.escrow.address, 400_000, by=NOBODY)
    world.act("operator", "release", operation(1), 500_000)
    world.machine.now = world.release_by + 1
    logs = world.act("depositor", "reclaim")
    assert [log.name for log in logs] == ["Reclaimed", "Parked"]
    [log] = world.act("depositor", "withdraw")
    assert log.values["amount"] == 100_000
    assert world.has("depositor") - before == 100_000
    assert world.parked("depositor") == 400_000
    with pytest.raises(RevertedError, match="nothing to pay with"):
        world.act("depositor", "withdraw")
    world.token.send("mint", world.escrow.address, 400_000, by=NOBODY)
    world.act("depositor", "withdraw")
    assert world.has("depositor") - before == 500_000


def test_only_what_is_not_owed_is_rescued() -> None:
    world = of(TRUE)
    world.deposit()
    world.block("beneficiary")
    world.act("operator", "release", operation(1), 300_000)
    assert world.token
    asset = world.token.address
    with pytest.raises(RevertedError, match="nothing to rescue"):
        world.act("stranger", "rescue", asset)
    before = world.has("depositor")
    world.token.send("mint", world.escrow.address, 77, by=NOBODY)
    [log] = world.act("stranger", "rescue", asset)
    assert (log.name, log.values["amount"]) == ("Rescued", 77)
    assert world.has("depositor") - before == 77
    assert world.held(world.escrow.address) == AMOUNT


def test_other_tokens_and_coins_go_to_the_depositor() -> None:
    world = of(TRUE)
    world.deposit()
    other = world.make("strange_token")
    other.send("mint", world.escrow.address, 5, by=NOBODY)
    world.act("stranger", "rescue", other.address)
    assert other.look("balanceOf", world.people["depositor"]) == 5
    # Coins cannot be sent to it, but a contract that ends can leave it some.
    world.machine.leave_coins(world.escrow.address, 9)
    before = world.machine.coins_of(world.people["depositor"])
    world.act("stranger", "rescue", NOBODY)
    assert world.machine.coins_of(world.people["depositor"]) - before == 9
    assert world.held(world.escrow.address) == AMOUNT
    for nothing in (account("no contract"), other.address, NOBODY):
        with pytest.raises(RevertedError):
            world.act("stranger", "rescue", nothing)


def test_a_second_address_of_the_token_does_not_get_out_what_is_owed() -> None:
    world = of(TRUE)
    world.deposit()
    assert world.token
    second = world.make("second_address", ("address", world.token.address))
    assert second.look("balanceOf", world.escrow.address) == AMOUNT
    with pytest.raises(RevertedError, match="not to be rescued"):
        world.act("depositor", "rescue", second.address)
    assert world.held(world.escrow.address) == AMOUNT
