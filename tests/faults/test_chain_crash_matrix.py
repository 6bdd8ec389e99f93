"""kill -9 at every step of sending on chain: each thing is done once, and no nonce is lost."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from payments.database import transaction
from payments.escrow.tables import Escrow
from tests.architecture.sources import ROOT
from tests.chain import USDC, TestChain, running_chain
from tests.payments.chain.world import World, chains_json, open_world
from tests.payments.shop import KEYSET

KILLED = -9


class Sender:
    """The process whose children send, and die where they are told to."""

    def __init__(self, world: World, database_url: str, crash_at: Path) -> None:
        self._world = world
        self._database_url = database_url
        self._crash_at = crash_at
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.harness.sender"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def crash_at(self, point: str) -> None:
        self._crash_at.write_text(point, encoding="utf-8")

    def send(self) -> int:
        """Have a child send; return how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {
            "database_url": self._database_url,
            "chains": chains_json(self._world.settings),
            "chain": self._world.settings.name,
            "keyset": KEYSET,
            "crash_at": str(self._crash_at),
            "ahead_s": self._world.ahead.total_seconds(),
        }
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


@pytest.fixture(scope="module")
def world(engine: Engine, chain: TestChain) -> World:
    return open_world(engine, chain)


@pytest.fixture(scope="module")
def escrow(world: World) -> Escrow:
    """Enough for all tests, each of which releases a hundredth."""
    return world.funded_escrow(100 * USDC)


@pytest.fixture(scope="module")
def sender(
    world: World, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sender]:
    sender = Sender(world, database_url, tmp_path_factory.mktemp("sender") / "crash-at")
    yield sender
    sender.stop()


Next = Callable[[], None]


def released(world: World, _release_id: str) -> Next:
    """A release like any other: some blocks each time."""

    def go_on() -> None:
        world.later(16)
        world.chain.mine(3)

    return go_on


def stuck(world: World, release_id: str) -> Next:
    """A release that offers too little: it takes a higher fee, and a minute, to be mined."""

    def go_on() -> None:
        world.later(61)
        tips = [one.priority_fee for one in world.attempts(release_id) if one.broadcast_at]
        world.chain.local.pool.minimum_tip = tips[0] + 1 if tips else 0
        world.chain.mine(3)

    return go_on


def lost(world: World, _release_id: str) -> Next:
    """A release whose answers from the node are all lost, for a while."""
    left = iter(range(3))

    def go_on() -> None:
        if next(left, None) is None:
            world.chain.faults()
        world.later(16)
        world.chain.mine(3)

    fault = {"fault": "close", "when": "after", "path": "eth_sendRawTransaction"}
    world.chain.faults(fault)
    return go_on


STORIES = {"released": released, "stuck": stuck, "lost": lost}
ALWAYS = (
    "sending.gaps_closed",
    "sending.tried_out",
    "sending.taking_nonce",
    "sending.nonce_taken",
    "sending.seen_mined",
    "sending.mined",
    "sending.seen_final",
    "sending.final",
)
HANDED_IN = (
    "sending.signed",
    "sending.kept",
    "sending.marked",
    "sending.handed_in",
    "sending.noted",
)
MATRIX = [
    *(("released", point, 1) for point in (*ALWAYS, *HANDED_IN)),
    *(("stuck", point, 2) for point in HANDED_IN),
    *(("lost", point, 1) for point in ("sending.handed_in", "sending.noted")),
]
ELSEWHERE = {"sending.stopped", "sending.refused", "sending.suspected"}


@pytest.mark.parametrize(
    ("story", "point", "time"), MATRIX, ids=[f"{story}-{point}-{n}" for story, point, n in MATRIX]
)
def test_whoever_comes_after_finishes_it_once(
    world: World, sender: Sender, escrow: Escrow, story: str, point: str, time: int
) -> None:
    """`time`: at the first coming by, or at the first one when the fee is raised."""
    paid_before = world.chain.tokens_of(escrow.beneficiary)
    release_id = world.release(escrow, USDC)
    go_on = STORIES[story](world, release_id)
    if time > 1:
        assert sender.send() == 0
        go_on()
    sender.crash_at(point)
    ends = []
    while KILLED not in ends:
        ends.append(sender.send())
        assert len(ends) < 12, f"nobody came by {point}"
        keeps_what_it_sends(world)
        go_on()
    while world.intent(release_id).state != "final":
        assert sender.send() == 0
        assert len(ends) < 20, "it comes to no end"
        ends.append(0)
        go_on()
    world.chain.faults()
    world.chain.local.pool.minimum_tip = 0
    assert world.chain.tokens_of(escrow.beneficiary) == paid_before + USDC
    is_sound(world)


def frozen_meanwhile(world: World, sender: Sender, release_id: str) -> None:
    """Have a release signed and kept, then frozen before it is sent."""
    sender.crash_at("sending.kept")
    assert sender.send() == KILLED
    assert len(world.attempts(release_id)) == 1


@pytest.mark.parametrize("point", ["sending.stopped", "sending.kept", "sending.handed_in"])
def test_a_freeze_in_between_holds_whatever_crashes(
    world: World, sender: Sender, escrow: Escrow, point: str
) -> None:
    paid_before = world.chain.tokens_of(escrow.beneficiary)
    release_id = world.release(escrow, USDC)
    frozen_meanwhile(world, sender, release_id)
    lift = world.freeze(escrow.order_id)
    sender.crash_at(point)
    while sender.send() != KILLED:
        world.chain.mine()
    for _ in range(3):
        world.later(20)
        assert sender.send() == 0
        world.chain.mine(2)
    assert world.intent(release_id).state == "queued"
    assert world.chain.tokens_of(escrow.beneficiary) == paid_before
    lift()
    finish(world, sender, release_id)
    assert world.chain.tokens_of(escrow.beneficiary) == paid_before + USDC
    is_sound(world)


def test_a_refusal_by_the_signer_loses_no_nonce(
    world: World, sender: Sender, escrow: Escrow
) -> None:
    release_id = world.release(escrow, USDC)
    sender.crash_at("sending.nonce_taken")
    assert sender.send() == KILLED
    lift = world.freeze(escrow.order_id)
    sender.crash_at("sending.refused")
    assert sender.send() == KILLED
    lift()
    finish(world, sender, release_id)
    is_sound(world)


def finish(world: World, sender: Sender, release_id: str) -> None:
    for _ in range(12):
        world.later(16)
        assert sender.send() == 0
        world.chain.mine(3)
        if world.intent(release_id).state == "final":
            return
    raise AssertionError("it comes to no end")


def keeps_what_it_sends(world: World) -> None:
    """Whatever waits at the node or was mined of ours was kept and marked before it was sent."""
    with transaction(world.engine) as session:
        unmarked = session.scalars(
            text("SELECT tx_hash FROM strongroom.chain_attempts WHERE broadcast_at IS NULL")
        ).all()
    assert not [tx_hash for tx_hash in unmarked if world.port.knows(tx_hash)]


def is_sound(world: World) -> None:
    """Every nonce is one intent's, none is missing, and every transaction of ours is known."""
    keeps_what_it_sends(world)
    sent = [intent for intent in world.intents() if intent.nonce is not None]
    assert [intent.nonce for intent in sent] == list(range(world.row().next_nonce))
    used = world.port.nonce(world.settings.operator)
    mined = [intent for intent in sent if (intent.nonce or 0) < used]
    hashes = {intent.mined_hash for intent in mined if intent.mined_hash}
    assert len(hashes) == len([intent for intent in mined if intent.mined_hash])
    assert world.row().frozen_at is None


def test_every_point_of_sending_is_in_the_matrix() -> None:
    named: set[str] = set()
    for file in (ROOT / "payments" / "chain").rglob("*.py"):
        named |= set(re.findall(r'\breach\(\s*"([^"]+)"', file.read_text(encoding="utf-8")))
    assert named == {point for _, point, _ in MATRIX} | ELSEWHERE
