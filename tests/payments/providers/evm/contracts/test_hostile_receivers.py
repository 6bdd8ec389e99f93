"""Parties that are contracts and take coins badly; and callers who give too little gas."""

import pytest

from tests.payments.providers.evm.contracts.machine import NOBODY, RevertedError, account
from tests.payments.providers.evm.contracts.world import (
    ACCEPTS,
    AMOUNT,
    BURNS_GAS,
    CLOSED,
    REENTERS,
    REVERTS,
    REVERTS_AT_LENGTH,
    WRITES_MUCH,
    World,
    operation,
)

OF_TOKEN = pytest.mark.parametrize("of_token", [False, True], ids=["coins", "tokens"])
LEAST_TO_SPEND = 400_000


def with_contracts() -> World:
    return World(depositor_is_contract=True, beneficiary_is_contract=True).fund()


@pytest.mark.parametrize("who", ["beneficiary", "depositor"])
@pytest.mark.parametrize("manner", [REVERTS, BURNS_GAS, REVERTS_AT_LENGTH, WRITES_MUCH])
def test_who_takes_no_coins_holds_up_nobody_else(manner: int, who: str) -> None:
    world = with_contracts()
    before = {name: world.has(name) for name in ("beneficiary", "depositor")}
    world.behave(who, manner)
    shares = {"beneficiary": 400_000, "depositor": 600_000}
    logs = [
        *world.act("operator", "release", operation(1), shares["beneficiary"]),
        *world.act("operator", "refund", operation(2), shares["depositor"]),
    ]
    assert sorted(log.name for log in logs) == ["Parked", "Refunded", "Released"]
    assert world.status == CLOSED
    for name, share in shares.items():
        assert world.has(name) - before[name] == (0 if name == who else share)
    assert world.parked(who) == shares[who] == world.held(world.escrow.address)
    if manner != WRITES_MUCH:  # to whom nothing is wrong but that a push gives it too little gas
        if manner != BURNS_GAS:
            with pytest.raises(RevertedError):
                world.act(who, "withdraw")
        world.behave(who, ACCEPTS)
    world.act(who, "withdraw")
    assert world.has(who) - before[who] == shares[who]
    assert world.held(world.escrow.address) == 0


def test_a_reclaim_of_somebody_who_takes_no_coins_is_parked_too() -> None:
    world = with_contracts()
    before = world.has("depositor")
    world.behave("depositor", REVERTS)
    world.machine.now = world.release_by + 1
    logs = world.act("depositor", "reclaim")
    assert [log.name for log in logs] == ["Reclaimed", "Parked"]
    world.behave("depositor", ACCEPTS)
    world.act("stranger", "withdraw_for", world.people["depositor"])
    assert world.has("depositor") - before == AMOUNT


@pytest.mark.parametrize(
    "call",
    [
        ("refund", operation(7), 1),
        ("withdraw",),
        ("withdraw_for", account("beneficiary")),
        ("open_dispute",),
        ("rescue", NOBODY),
        ("reclaim",),
        ("release", operation(7), 1),
        ("deposit",),
    ],
    ids=lambda call: call[0],
)
@pytest.mark.parametrize("who", ["beneficiary", "depositor"])
def test_who_calls_back_while_being_paid_does_not_get_in(who: str, call: tuple[str, ...]) -> None:
    world = with_contracts()
    world.behave(who, REENTERS, world.escrow.calldata(*call))
    world.machine.give_coins(world.escrow.address, 5)
    world.act("operator", "release", operation(1), 10)
    world.act("operator", "refund", operation(2), 10)
    world.act("stranger", "rescue", NOBODY)
    assert world.contracts[who].look("calls_done") == 0
    assert world.remaining == AMOUNT - 20 == world.held(world.escrow.address)


def test_who_withdraws_does_not_get_in_while_being_paid() -> None:
    world = with_contracts()
    world.behave("beneficiary", REVERTS)
    world.act("operator", "release", operation(1), 10)
    world.behave("beneficiary", REENTERS, world.escrow.calldata("withdraw"))
    before = world.has("beneficiary")
    world.act("beneficiary", "withdraw")
    assert world.has("beneficiary") - before == 10
    assert world.contracts["beneficiary"].look("calls_done") == 0


@pytest.mark.parametrize("name", ["withdraw", "withdraw_for"])
def test_who_has_something_parked_cannot_fetch_it_while_being_paid(name: str) -> None:
    world = with_contracts()
    world.behave("beneficiary", REVERTS)
    world.act("operator", "release", operation(1), 10)
    arguments = (world.people["beneficiary"],) if name == "withdraw_for" else ()
    world.behave("beneficiary", REENTERS, world.escrow.calldata(name, *arguments))
    world.act("operator", "release", operation(2), 5)
    assert world.contracts["beneficiary"].look("calls_done") == 0
    assert world.parked("beneficiary") == 10


@OF_TOKEN
@pytest.mark.parametrize(("name", "logged"), [("release", "Released"), ("refund", "Refunded")])
def test_too_little_gas_undoes_a_call_and_never_parks(
    name: str, logged: str, *, of_token: bool
) -> None:
    world = World(of_token=of_token, beneficiary_is_contract=True, depositor_is_contract=True)
    world.fund()
    for who in world.contracts:  # wants 42,000 of the 50,000 that a push of coins gives it
        world.behave(who, WRITES_MUCH)
        world.machine.send(account("warms it up"), world.people[who], b"")
    refusals, is_enough = set(), []
    for number, gas in enumerate(range(20_000, LEAST_TO_SPEND, 1_009)):
        try:
            logs = world.escrow.send(
                name, operation(number), 1, by=world.people["operator"], gas=gas
            )
        except RevertedError as refused:
            refusals.add(str(refused))
            is_enough.append(False)
        else:
            assert [log.name for log in logs] == [logged], gas
            is_enough.append(True)
    assert is_enough == sorted(is_enough), "more gas is never worse"
    assert is_enough[-1]
    assert refusals == {"Revert", "too little gas"}
    assert world.escrow.look("total_parked") == 0


def test_coins_left_by_a_contract_that_ends_do_not_count_as_a_deposit() -> None:
    world = World()
    world.machine.leave_coins(world.escrow.address, AMOUNT)
    world.create()
    assert world.remaining == 0
    world.deposit()
    assert world.held(world.escrow.address) == 2 * AMOUNT
    before = world.has("depositor")
    world.act("stranger", "rescue", NOBODY)
    assert world.has("depositor") - before == AMOUNT
    world.act("operator", "release", operation(1), AMOUNT)
    assert (world.status, world.held(world.escrow.address)) == (CLOSED, 0)
