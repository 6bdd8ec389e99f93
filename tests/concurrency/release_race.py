"""A race of many who release the same escrows, some who freeze them, and the real sender."""

import datetime as dt
import itertools
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from eth_utils.crypto import keccak
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from payments.access.caller import Caller, Role
from payments.chain import intents
from payments.chain.tables import ChainIntent
from payments.database import transaction
from payments.errors import ConflictError, InProgressError, UnavailableError
from payments.escrow.tables import Escrow
from payments.freezes.freeze_releases import freeze_releases
from payments.freezes.lift_freeze import lift_freeze
from payments.providers.chain_port import Fees, Signed, SignerPort
from payments.providers.evm.adapter import EvmChain
from payments.releases.request_release import NewRelease, request_release
from payments.releases.tables import Release
from sandbox.chain.wallet import calldata
from tests.conditions import wait_until
from tests.payments.shop import new_reference
from tests.payments.watching.stage import MUCH, Stage

CALLERS = 64
FROZEN = 0.3
BLOCK_OF = 40
SENDERS = 2
FREEZERS = 3
SHARING = 4
"""How many callers have one reference."""

_LOCK_NOT_AVAILABLE = "55P03"
_ASKS = Caller(principal="key:shop", role=Role.FINANCE)
_ONE = Caller(principal="key:one", role=Role.OPERATOR)
_OTHER = Caller(principal="key:two", role=Role.OPERATOR)


@dataclass
class Frozen:
    """A freeze, and the numbers drawn when it was answered and before it was lifted."""

    order_id: str | None
    answered: int
    answered_at: dt.datetime
    lifting: int | None = None
    lifting_at: dt.datetime | None = None
    freeze_id: str = ""

    def held_between(self, begun: int, ended: int) -> bool:
        """Whether it was in force, as its people knew, while something was going on."""
        return ended > self.answered and (self.lifting is None or begun < self.lifting)


@dataclass
class Race:
    """What is done by whom when, and all that was told to those who did it."""

    stage: Stage
    escrows: list[Escrow]
    seed: int
    row: Iterator[int] = field(default_factory=itertools.count)
    asked: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    accepted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    handed_in: defaultdict[str, list[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    freezes: list[Frozen] = field(default_factory=list)
    to_freeze: "SimpleQueue[str | None]" = field(default_factory=SimpleQueue)
    at_request: dict[str, int] = field(default_factory=dict)
    at_signing: dict[str, str] = field(default_factory=dict)
    lifted: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Draw which escrows are frozen, at which moment, and which of them are freed again."""
        rng = random.Random(self.seed)
        chosen = rng.sample(self.escrows, round(FROZEN * len(self.escrows)))
        for n, escrow in enumerate(chosen):
            if n % 2:
                self.at_request[escrow.id] = rng.randint(1, 8)
            else:
                self.at_signing[escrow.id] = rng.choice(["before", "after"])
            if rng.random() < 0.5:
                self.lifted.add(escrow.order_id)

    # ---- those who ask -----------------------------------------------------------------------

    def call(self, caller: int) -> None:
        """Ask for every escrow, more or less in the order in which all others do."""
        rng = random.Random(f"{self.seed} {caller}")
        for first in range(0, len(self.escrows), 4):
            for escrow in rng.sample(some := self.escrows[first : first + 4], len(some)):
                self.note(self.ask(escrow, f"{escrow.id}-{caller // SHARING}"))

    def ask(self, escrow: Escrow, reference: str) -> str:
        with self.lock:
            self.asked[escrow.id] += 1
            if self.asked[escrow.id] == self.at_request.get(escrow.id):
                self.to_freeze.put(escrow.order_id)
        for _ in range(100):
            try:
                answered = request_release(
                    self.stage.engine,
                    caller=_ASKS,
                    reference=reference,
                    asked=NewRelease(escrow_id=escrow.id),
                    approval_above={"USDC": MUCH},
                    chains={self.stage.settings.name: self.stage.settings},
                    ports={self.stage.settings.name: self.stage.port},
                    now=self.stage.now(),
                )
            except ConflictError as error:
                return error.code
            except InProgressError as error:
                self.note(error.code)
            except OperationalError as error:
                self.note(self.lock_waited_for(error))
            else:
                with self.lock:
                    self.accepted[escrow.id].add(answered.resource.row.id)
                return "replayed" if answered.replayed else "accepted"
        return "given up"

    def lock_waited_for(self, error: OperationalError) -> str:
        """Return what to call the answer 503 of somebody who waited for 5 s; else raise it."""
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise error
        return "lock waited for"

    def note(self, outcome: str) -> None:
        with self.lock:
            self.outcomes[outcome] += 1

    # ---- those who freeze --------------------------------------------------------------------

    def keep_freezing(self) -> None:
        """Freeze what is to be, until there is no more; lift what is to be lifted after others."""
        to_lift: list[Frozen] = []
        while (order_id := self.to_freeze.get()) is not None:
            frozen = self.freeze(order_id)
            for one in to_lift:
                self.lift(one)
            to_lift = [frozen] if order_id in self.lifted else []
        for one in to_lift:
            self.lift(one)

    def freeze(self, order_id: str) -> Frozen:
        reference = new_reference()
        while True:
            try:
                freeze = freeze_releases(
                    self.stage.engine,
                    caller=_ONE,
                    reference=reference,
                    reason="a test",
                    order_id=order_id,
                    now=self.stage.now(),
                ).resource
            except UnavailableError:  # in force, but not answered yet
                self.note("freeze waits")
                continue
            frozen = Frozen(order_id, next(self.row), self.stage.now(), freeze_id=freeze.id)
            with self.lock:
                self.freezes.append(frozen)
            return frozen

    def lift(self, frozen: Frozen) -> None:
        for caller in (_ONE, _OTHER):
            frozen.lifting, frozen.lifting_at = next(self.row), self.stage.now()
            with transaction(self.stage.engine) as session:
                lift_freeze(
                    session,
                    caller=caller,
                    reference=new_reference(),
                    freeze_id=frozen.freeze_id,
                    reason="over",
                    now=self.stage.now(),
                )

    # ---- those who send ----------------------------------------------------------------------

    def signing(self, intent_id: str, moment: str) -> None:
        """Have an escrow frozen whose release is just being signed, if that was drawn."""
        wanted = (
            select(Release.escrow_id, Release.order_id)
            .join(ChainIntent, ChainIntent.subject_id == Release.id)
            .where(ChainIntent.id == intent_id)
        )
        with transaction(self.stage.engine) as session:
            found = session.execute(wanted).one_or_none()
        if found is None:
            return
        with self.lock:
            if self.at_signing.get(found.escrow_id) == moment:
                del self.at_signing[found.escrow_id]
                self.to_freeze.put(found.order_id)

    def keep_sending(self, is_over: threading.Event) -> None:
        port = NumberedChain(self)
        signer = DisturbedSigner(self.stage.signer(), self)
        figures = self.stage.send(signer=signer, port=port)
        while not is_over.wait(0.02 if figures else 0.5):  # the other one has the turn, or no work
            figures = self.stage.send(signer=signer, port=port)

    def keep_watching(self, is_over: threading.Event) -> None:
        while not is_over.wait(1):
            try:
                self.stage.watch()
            except OperationalError as error:
                self.note(f"watching: {self.lock_waited_for(error)}")


class NumberedChain(EvmChain):
    """The way to the chain, with a number drawn before and after each transaction handed in."""

    def __init__(self, race: Race) -> None:
        super().__init__(race.stage.settings)
        self._race = race

    def broadcast(self, raw: bytes) -> None:
        begun = next(self._race.row)
        try:
            super().broadcast(raw)
        finally:
            self._race.handed_in[f"0x{keccak(raw).hex()}"].append((begun, next(self._race.row)))


@dataclass
class DisturbedSigner:
    """The real signer; somebody may freeze what it signs, before or after."""

    inner: SignerPort
    race: Race

    def addresses(self) -> Collection[str]:
        return self.inner.addresses()

    def sign(self, intent_id: str, *, fees: Fees) -> Signed:
        self.race.signing(intent_id, "before")
        signed = self.inner.sign(intent_id, fees=fees)
        self.race.signing(intent_id, "after")
        return signed


# ---- before the race -------------------------------------------------------------------------


def funded_escrows(stage: Stage, count: int) -> list[Escrow]:
    """Deploy and fund escrows by transactions of the wallets themselves, many to a block."""
    escrows = [stage.new_escrow() for _ in range(count)]
    factory, chain = stage.settings.factory, stage.chain
    with transaction(stage.engine) as session:
        found = session.scalars(select(ChainIntent).where(ChainIntent.kind == "deploy"))
        deployments = {intent.subject_id: bytes(intent.calldata) for intent in found}
    in_blocks(stage, chain.operator, [(factory, deployments[one.id]) for one in escrows])
    calls = []
    for one in escrows:
        approve = calldata("approve(address,uint256)", one.contract_address, one.amount)
        calls += [(chain.token, approve), (one.contract_address, calldata("deposit()"))]
    in_blocks(stage, chain.buyer, calls)
    chain.mine(3)
    while stage.watch().get("more"):
        pass
    with transaction(stage.engine) as session:
        for one in escrows:
            intents.cancel(
                session, kind="deploy", subject_id=one.id, reason="by hand", now=stage.now()
            )
    assert {stage.escrow(one).status for one in escrows} == {"funded"}
    return escrows


def in_blocks(stage: Stage, wallet: Any, calls: list[tuple[str, bytes]]) -> None:
    nonce = stage.chain.node.number("eth_getTransactionCount", wallet.address, "latest")
    for n, (to, data) in enumerate(calls, start=1):
        raw = stage.chain.sign(wallet, to, nonce=nonce + n - 1, data=data)
        stage.chain.broadcast(raw)
        if n % BLOCK_OF == 0:
            stage.chain.mine()
    stage.chain.mine()


# ---- the race ---------------------------------------------------------------------------------


def run(race: Race) -> None:
    """Have everybody do their part at once, then have what was let go become final."""
    race.stage.chain.mine_by_itself(0.5)
    is_over = threading.Event()
    start = threading.Barrier(CALLERS)

    def call(caller: int) -> None:
        start.wait()
        race.call(caller)

    with ThreadPoolExecutor(CALLERS + SENDERS + FREEZERS + 1) as threads:
        senders = [threads.submit(race.keep_sending, is_over) for _ in range(SENDERS)]
        watcher = threads.submit(race.keep_watching, is_over)
        freezers = [threads.submit(race.keep_freezing) for _ in range(FREEZERS)]
        try:
            list(threads.map(call, range(CALLERS)))
            until_settled(race, [*senders, watcher, *freezers])
        finally:
            for _ in range(FREEZERS):
                race.to_freeze.put(None)
            try:
                for freezer in freezers:
                    freezer.result()
            finally:
                is_over.set()
        for background in (*senders, watcher):
            background.result()
    race.stage.chain.mine_by_itself(None)
    settle(race)


def until_settled(race: Race, background: list[Any]) -> None:
    """Wait until every release that was accepted was signed once, or is frozen."""

    def is_settled() -> bool:
        for one in background:
            if one.done():
                one.result()
                raise AssertionError("it went home before it was over")
        return not any_unsent(race.stage)

    wait_until(is_settled, timeout_s=60 + len(race.escrows))


def any_unsent(stage: Stage) -> bool:
    waiting = select(ChainIntent.id).where(
        ChainIntent.kind == "release",
        ChainIntent.state.in_(["queued", "signed"]),
        ChainIntent.error.is_(None),
    )
    with transaction(stage.engine) as session:
        return session.scalars(waiting.limit(1)).first() is not None


def settle(race: Race) -> None:
    """Send and watch on, with nobody else there, until all is final that is not frozen."""
    port = NumberedChain(race)
    for _ in range(3 + len(race.escrows) // 4):
        race.stage.later(6)
        race.stage.send(port=port)
        race.stage.mine_and_watch(4)
        race.stage.send(port=port)
        race.stage.watch()
        if not in_flight(race.stage):
            return
    raise AssertionError("the releases do not come to an end")


def in_flight(stage: Stage) -> list[str]:
    open_ones = select(ChainIntent).where(
        ChainIntent.state.in_(["queued", "signed", "broadcast", "mined"])
    )
    with transaction(stage.engine) as session:
        found = list(session.scalars(open_ones))
    return [
        one.id
        for one in found
        if not (one.state == "queued" and (one.error or "").startswith("frozen"))
    ]
