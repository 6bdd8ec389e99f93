"""Escrows are made once, where their terms say, by their operator, and nobody else starts them."""

from typing import Any

import pytest

from payments.providers.evm import artifacts
from tests.payments.providers.evm.contracts.machine import (
    NOBODY,
    Contract,
    RevertedError,
    account,
)
from tests.payments.providers.evm.contracts.world import CLOSED, CREATED, DAY, World


def create(world: World, name: str = "create", by: str = "operator", **changes: Any) -> list[Any]:
    return world.factory.send(name, world.terms(**changes), by=world.people[by])


def test_an_escrow_is_made_where_it_was_told_it_would_be() -> None:
    world = World()
    told = world.factory.look("address_of", world.terms())
    [log] = create(world)
    assert (log.name, log.values["escrow"]) == ("Created", told)
    assert log.values["operator"] == f"0x{world.people['operator'].hex()}"
    assert log.values["reference"] == b"\x07" * 32
    assert world.status == CREATED
    known = world.factory.look("escrow_of", world.people["operator"], b"\x07" * 32)
    assert known == told
    assert world.factory.look("implementation") == f"0x{world.implementation.hex()}"


def test_its_code_is_the_smallest_proxy_of_the_implementation() -> None:
    world = World()
    world.create()
    code = world.machine.state.get_code(world.escrow.address)
    assert code.hex() == (
        f"363d3d373d3d3d363d73{world.implementation.hex()}5af43d82803e903d91602b57fd5bf3"
    )


@pytest.mark.parametrize("again", ["create", "create_late"])
def test_making_it_twice_makes_one(again: str) -> None:
    world = World()
    create(world)
    world.deposit()
    world.machine.now = world.fund_by + DAY
    assert create(world, again) == []
    assert world.remaining == world.amount


@pytest.mark.parametrize("again", ["create", "create_late"])
def test_a_reference_has_one_set_of_terms(again: str) -> None:
    world = World()
    create(world)
    with pytest.raises(RevertedError, match="reference has other terms"):
        create(world, again, beneficiary=account("another"))
    create(world, reference=b"\x08" * 32, beneficiary=account("another"))


@pytest.mark.parametrize("name", ["create", "create_late"])
@pytest.mark.parametrize("who", ["depositor", "beneficiary", "arbiter", "guardian", "stranger"])
def test_only_the_operator_makes_one(name: str, who: str) -> None:
    with pytest.raises(RevertedError, match="only the operator"):
        create(World(), name, by=who)


def test_another_operator_cannot_take_the_reference_or_the_address() -> None:
    world = World()
    [theirs] = create(world, by="stranger", operator=world.people["stranger"])
    [ours] = create(world)
    assert theirs.values["escrow"] != ours.values["escrow"]
    assert world.status == CREATED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        *(
            ({who: NOBODY}, "address missing")
            for who in ("depositor", "beneficiary", "arbiter", "guardian")
        ),
        ({"depositor": account("beneficiary")}, "addresses must differ"),
        ({"arbiter": account("guardian")}, "addresses must differ"),
        ({"arbiter": account("operator")}, "addresses must differ"),
        ({"guardian": account("operator")}, "addresses must differ"),
        ({"beneficiary": account("arbiter")}, "addresses must differ"),
        ({"reference": bytes(32)}, "reference missing"),
        ({"amount": 0}, "amount missing"),
        ({"token": account("nobody's contract")}, "token is no contract"),
        ({"fund_by": 1}, "past fund_by"),
        ({"release_by": 1}, "release_by not after fund_by"),
        ({"arbiter_by": 1}, "arbiter_by not after release_by"),
        ({"arbiter_by": 1_800_000_000_000}, "arbiter_by too far"),
    ],
)
def test_terms_that_make_no_sense_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RevertedError, match=reason):
        create(World(), **change)


def test_terms_may_not_end_with_the_second_another_does() -> None:
    world = World()
    changes: list[dict[str, Any]] = [
        {"fund_by": world.machine.now},
        {"release_by": world.fund_by},
        {"arbiter_by": world.release_by},
    ]
    for change in changes:
        with pytest.raises(RevertedError, match=r"past|not after"):
            create(world, **change)


def test_what_was_sent_before_it_was_there_can_be_rescued_even_past_fund_by() -> None:
    world = World()
    before = world.has("depositor")
    world.act("depositor", "deposit", value=world.amount)  # nobody there: nothing is refused
    world.machine.now = world.fund_by + 1
    with pytest.raises(RevertedError, match="past fund_by"):
        create(world)
    create(world, "create_late")
    with pytest.raises(RevertedError, match="past fund_by"):
        world.deposit()
    [log] = world.act("stranger", "rescue", NOBODY)
    assert (log.name, log.values["amount"]) == ("Rescued", world.amount)
    assert world.has("depositor") == before


def test_nobody_starts_an_escrow_anew() -> None:
    world = World()
    world.create()
    for who in ("operator", "stranger"):
        with pytest.raises(RevertedError, match="already initialized"):
            world.act(who, "initialize", world.terms(beneficiary=account("thief")))


def test_the_code_they_share_is_no_escrow_and_never_becomes_one() -> None:
    world = World()
    shared = Contract(world.machine, world.implementation, artifacts.escrow().abi)
    assert shared.look("status") == CLOSED
    world.machine.give_coins(shared.address, 5)
    for name, *arguments in (
        ("initialize", world.terms()),
        ("deposit",),
        ("rescue", NOBODY),
        ("pause",),
        ("reclaim",),
        ("release", bytes(32), 1),
    ):
        for who in ("operator", "stranger"):
            with pytest.raises(RevertedError):
                shared.send(name, *arguments, by=world.people[who])


@pytest.mark.parametrize("implementation", ["an account", "a copy that is not locked", "a token"])
def test_a_factory_stands_on_locked_code_only(implementation: str) -> None:
    world = World()
    world.create()
    address = {
        "an account": lambda: account("somebody"),
        "a copy that is not locked": lambda: world.escrow.address,
        "a token": lambda: world.make("strange_token").address,
    }[implementation]()
    code = artifacts.escrow_factory().bytecode + bytes(12) + address
    with pytest.raises(RevertedError):
        world.machine.create(code)
