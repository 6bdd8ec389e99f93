"""One escrow's life as its contract tells it, and every refusal with its reason."""

from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.payments.providers.evm.contracts.machine import NOBODY, RevertedError, account
from tests.payments.providers.evm.contracts.world import (
    AMOUNT,
    CLOSED,
    CREATED,
    DISPUTED,
    FUNDED,
    NAMES,
    World,
    operation,
)

PART = 300_000
REST = AMOUNT - PART
OF_TOKEN = pytest.mark.parametrize("of_token", [False, True], ids=["coins", "tokens"])


@OF_TOKEN
def test_released_in_two_parts(*, of_token: bool) -> None:
    world = World(of_token=of_token)
    before = world.has("beneficiary")
    world.create()
    assert world.status == CREATED
    world.deposit()
    assert (world.status, world.remaining) == (FUNDED, AMOUNT)
    logs = world.act("operator", "release", operation(1), PART)
    assert [(log.name, log.values) for log in logs] == [
        (
            "Released",
            {
                "operator": text(world, "operator"),
                "operation_id": operation(1),
                "by": text(world, "operator"),
                "amount": PART,
                "remaining": REST,
            },
        )
    ]
    assert world.escrow.look("used", operation(1))
    assert (world.status, world.has("beneficiary") - before) == (FUNDED, PART)
    world.act("depositor", "release", operation(1), REST)
    assert (world.status, world.has("beneficiary") - before) == (CLOSED, AMOUNT)
    assert world.held(world.escrow.address) == 0


@OF_TOKEN
def test_refunded_by_the_operator_and_the_beneficiary(*, of_token: bool) -> None:
    world = World(of_token=of_token)
    before = world.has("depositor")
    world.fund()
    [log] = world.act("operator", "refund", operation(1), PART)
    assert (log.name, log.values["remaining"]) == ("Refunded", REST)
    world.machine.now = world.arbiter_by + 1
    world.act("beneficiary", "refund", operation(2), REST)
    assert (world.status, world.has("depositor")) == (CLOSED, before)


def test_what_the_terms_say_can_be_read_and_what_they_are_is_in_the_address() -> None:
    world = World()
    world.create()
    found = world.escrow.look("terms")
    assert found == tuple(
        f"0x{part.hex()}" if isinstance(part, bytes) and len(part) == 20 else part
        for part in world.terms()
    )
    assert world.factory.look("address_of", world.terms(amount=2)) != text_of(world.escrow.address)


def test_others_cannot_use_up_an_operation_id_of_the_operator() -> None:
    world = World().fund()
    [own] = world.act("depositor", "release", operation(1), 1)
    assert own.values["operation_id"] == keccak(
        encode(["address", "bytes32"], [world.people["depositor"], operation(1)])
    )
    assert world.escrow.look("used", own.values["operation_id"])
    assert not world.escrow.look("used", operation(1))
    world.act("beneficiary", "refund", operation(1), 1)
    world.act("operator", "release", operation(1), 1)


@pytest.mark.parametrize(
    ("who", "name"), [("arbiter", "refund"), ("arbiter", "release"), ("depositor", "release")]
)
def test_a_dispute_is_decided_until_its_term_and_not_after(who: str, name: str) -> None:
    world = World().fund()
    [log] = world.act("beneficiary", "open_dispute")
    assert (log.name, log.values["by"]) == ("DisputeOpened", text(world, "beneficiary"))
    assert world.status == DISPUTED
    world.machine.now = world.arbiter_by
    world.act(who, name, operation(1), PART)
    world.machine.now += 1
    with pytest.raises(RevertedError, match="past arbiter_by"):
        world.act(who, name, operation(2), PART)
    world.act("depositor", "reclaim")
    assert (world.status, world.held(world.escrow.address)) == (CLOSED, 0)


def test_the_beneficiary_may_give_in_when_the_arbiter_is_too_late() -> None:
    world = World().fund()
    world.act("depositor", "open_dispute")
    world.machine.now = world.arbiter_by + 1
    world.act("beneficiary", "refund", operation(1), AMOUNT)
    assert world.status == CLOSED


@pytest.mark.parametrize("is_disputed", [False, True])
def test_terms_end_with_the_second_they_name(*, is_disputed: bool) -> None:
    world = World()
    world.create()
    world.machine.now = world.fund_by
    world.deposit()
    world.machine.now = world.release_by
    world.act("operator", "release", operation(1), PART)
    if is_disputed:
        world.act("operator", "open_dispute")
        world.machine.now = world.arbiter_by
    with pytest.raises(RevertedError, match="not past"):
        world.act("depositor", "reclaim")
    world.machine.now += 1
    world.act("depositor", "reclaim")
    assert world.status == CLOSED


def test_a_pause_stops_releases_and_nothing_else() -> None:
    world = World()
    world.create()
    assert [log.name for log in world.act("guardian", "pause")] == ["Paused"]
    world.deposit()
    for who in ("operator", "depositor"):
        with pytest.raises(RevertedError, match="paused"):
            world.act(who, "release", operation(1), PART)
    world.act("operator", "refund", operation(1), PART)
    world.act("operator", "open_dispute")
    with pytest.raises(RevertedError, match="paused"):
        world.act("arbiter", "release", operation(2), PART)
    world.act("arbiter", "refund", operation(2), PART)
    assert [log.name for log in world.act("guardian", "unpause")] == ["Unpaused"]
    world.act("arbiter", "release", operation(3), 1)
    world.act("guardian", "pause")
    world.machine.now = world.arbiter_by + 1
    world.act("depositor", "reclaim")


# ---- refusals --------------------------------------------------------------------------------

Do = Callable[[World], Any]


def not_made() -> World:
    world = World()
    world.create()
    return world


def disputed() -> World:
    world = World().fund()
    world.act("operator", "open_dispute")
    return world


def closed() -> World:
    world = World().fund()
    world.act("operator", "release", operation(9), AMOUNT)
    return world


def late(world: World) -> World:
    world.machine.now = world.arbiter_by + 1
    return world


CASES: list[tuple[str, Callable[[], World], str, str, tuple[Any, ...], int]] = [
    ("not awaiting a deposit", lambda: World().fund(), "depositor", "deposit", (), AMOUNT),
    ("not awaiting a deposit", closed, "depositor", "deposit", (), AMOUNT),
    ("not the exact amount", not_made, "depositor", "deposit", (), AMOUNT - 1),
    ("not the exact amount", not_made, "depositor", "deposit", (), AMOUNT + 1),
    ("not the exact amount", not_made, "depositor", "deposit", (), 0),
    ("past fund_by", lambda: late(not_made()), "depositor", "deposit", (), AMOUNT),
    ("not funded", not_made, "operator", "release", (operation(1), 1), 0),
    ("not funded", not_made, "operator", "refund", (operation(1), 1), 0),
    ("not funded", closed, "operator", "release", (operation(1), 1), 0),
    ("not funded", closed, "operator", "refund", (operation(1), 1), 0),
    ("not funded", lambda: late(not_made()), "depositor", "reclaim", (), 0),
    ("not funded", lambda: late(closed()), "depositor", "reclaim", (), 0),
    ("not funded", not_made, "operator", "open_dispute", (), 0),
    ("not funded", disputed, "operator", "open_dispute", (), 0),
    ("not funded", closed, "operator", "open_dispute", (), 0),
    ("amount missing", lambda: World().fund(), "operator", "release", (operation(1), 0), 0),
    ("amount missing", lambda: World().fund(), "operator", "refund", (operation(1), 0), 0),
    ("more than", lambda: World().fund(), "operator", "release", (operation(1), AMOUNT + 1), 0),
    ("more than", lambda: World().fund(), "operator", "refund", (operation(1), AMOUNT + 1), 0),
    ("more than", lambda: World().fund(), "operator", "refund", (operation(1), 2**256 - 1), 0),
    ("past release_by", lambda: late(World().fund()), "operator", "release", (operation(1), 1), 0),
    ("past release_by", lambda: late(World().fund()), "depositor", "release", (operation(1), 1), 0),
    ("past release_by", lambda: late(World().fund()), "beneficiary", "open_dispute", (), 0),
    ("not past release_by", lambda: World().fund(), "depositor", "reclaim", (), 0),
    ("not past arbiter_by", disputed, "depositor", "reclaim", (), 0),
    ("past arbiter_by", lambda: late(disputed()), "arbiter", "refund", (operation(1), 1), 0),
    ("not paused", not_made, "guardian", "unpause", (), 0),
    ("nothing parked", lambda: World().fund(), "beneficiary", "withdraw", (), 0),
    ("nothing parked", lambda: World().fund(), "operator", "withdraw_for", (NOBODY,), 0),
    ("nothing to rescue", lambda: World().fund(), "depositor", "rescue", (NOBODY,), 0),
]


@pytest.mark.parametrize(
    ("reason", "begin", "who", "name", "arguments", "value"),
    CASES,
    ids=[
        f"{reason}: {who} {name} {number}"
        for number, (reason, _, who, name, *_) in enumerate(CASES)
    ],
)
def test_refused(
    reason: str,
    begin: Callable[[], World],
    who: str,
    name: str,
    arguments: tuple[Any, ...],
    value: int,
) -> None:
    world = begin()
    with pytest.raises(RevertedError, match=f"^{reason}"):
        world.act(who, name, *arguments, value=value)


MAY = {
    ("deposit", "created"): {"depositor"},
    ("release", "funded"): {"operator", "depositor"},
    ("release", "disputed"): {"arbiter", "depositor"},
    ("refund", "funded"): {"operator", "beneficiary"},
    ("refund", "disputed"): {"arbiter", "beneficiary"},
    ("open_dispute", "funded"): {"operator", "depositor", "beneficiary"},
    ("reclaim", "late"): {"depositor"},
    ("pause", "funded"): {"guardian"},
    ("unpause", "paused"): {"guardian"},
}


@pytest.mark.parametrize("who", NAMES)
@pytest.mark.parametrize(("name", "state"), MAY)
def test_who_may_do_what(name: str, state: str, who: str) -> None:
    world = World()
    world.create()
    if state != "created":
        world.deposit()
    if state == "disputed":
        world.act("operator", "open_dispute")
    if state == "paused":
        world.act("guardian", "pause")
    if state == "late":
        late(world)
    arguments = (operation(1), 1) if name in {"release", "refund"} else ()
    value = AMOUNT if name == "deposit" else 0
    if who in MAY[name, state]:
        world.act(who, name, *arguments, value=value)
    else:
        with pytest.raises(RevertedError, match=r"^(only the|not allowed to) "):
            world.act(who, name, *arguments, value=value)


@pytest.mark.parametrize(("first", "again"), [("release", "refund"), ("refund", "release")])
def test_an_operation_is_done_once_for_releases_and_refunds_together(
    first: str, again: str
) -> None:
    world = World().fund()
    world.act("operator", first, operation(1), PART)
    for name in (first, again):
        with pytest.raises(RevertedError, match="operation already done"):
            world.act("operator", name, operation(1), PART)


@pytest.mark.parametrize("name", ["pause", "reclaim", "withdraw", "open_dispute", "status"])
def test_coins_are_taken_by_the_deposit_only(name: str) -> None:
    world = World().fund()
    with pytest.raises(RevertedError):
        world.act("depositor", name, value=1)
    with pytest.raises(RevertedError):
        world.run("depositor", world.escrow.address, b"", 1)


def test_coins_are_no_deposit_of_tokens() -> None:
    world = World(of_token=True)
    world.create()
    with pytest.raises(RevertedError, match="coins sent for a token"):
        world.act("depositor", "deposit", value=AMOUNT)


def test_pausing_twice_is_refused() -> None:
    world = World()
    world.create()
    world.act("guardian", "pause")
    with pytest.raises(RevertedError, match="already paused"):
        world.act("guardian", "pause")


@pytest.mark.parametrize("value", [0, 1])
def test_what_it_does_not_know_is_refused(value: int) -> None:
    world = World().fund()
    for data in (b"", b"\x00", keccak(text="sweep()")[:4], keccak(text="release(bytes32)")[:4]):
        with pytest.raises(RevertedError):
            world.machine.send(account("stranger"), world.escrow.address, data, value=value)


def text(world: World, who: str) -> str:
    return text_of(world.people[who])


def text_of(address: bytes) -> str:
    return f"0x{address.hex()}"
