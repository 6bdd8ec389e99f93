"""Everybody calls everything, at any time: the escrow does what the model allows and nothing else.

After every call that did something each balance must be what the model says, and in the end all
money must get out. (A call that was refused did nothing: if it had, the next look would tell.)
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.depth import IS_DEEP
from tests.payments.providers.evm.contracts.machine import NOBODY, Log, RevertedError, account
from tests.payments.providers.evm.contracts.model import PARTIES, Model
from tests.payments.providers.evm.contracts.world import (
    ACCEPTS,
    CLOSED,
    CREATED,
    DAY,
    DISPUTED,
    NAMES,
    REENTERS,
    REVERTS,
    World,
    operation,
)

FEWEST_CALLS = 20_000 if IS_DEEP else 6_000
LONG = pytest.mark.timeout(900)  # a minute each, and more beside other tests
PEOPLE = st.sampled_from(NAMES)
OPERATIONS = st.integers(1, 4)
SHARES = st.sampled_from([0, 1, 10, 50, 100, 101])
CALLS = st.sampled_from(
    [
        *("deposit", "release", "refund", "reclaim", "open_dispute"),
        *("pause", "unpause", "withdraw", "withdraw_for", "rescue"),
    ]
)
PARTS = st.sampled_from([1, 1, 2, 2, 5, 10, 25, 50, 100])


class AnyCalls(RuleBasedStateMachine):
    """An escrow, and beside it the model of one."""

    calls = 0
    of_token = False

    @initialize(
        amount=st.sampled_from([1, 3, 1_000_000, 1_000_000, 10**11]),
        is_contract=st.sampled_from([[], PARTIES, PARTIES, PARTIES[:1], PARTIES[1:]]),
        is_funded=st.sampled_from([True] * 7 + [False]),
        manner=st.sampled_from([ACCEPTS, REENTERS]),
        refusing=st.sampled_from([[], [], PARTIES[:1], PARTIES[1:], PARTIES]),
    )
    def make(
        self,
        amount: int,
        is_contract: Sequence[str],
        manner: int,
        refusing: Sequence[str],
        *,
        is_funded: bool,
    ) -> None:
        world = self.world = World(
            of_token=self.of_token,
            depositor_is_contract="depositor" in is_contract,
            beneficiary_is_contract="beneficiary" in is_contract,
            amount=amount,
        )
        for who in world.contracts:
            world.behave(who, manner, world.escrow.calldata("withdraw"))
        world.create()
        self.model = Model(
            amount, world.fund_by, world.release_by, world.arbiter_by, world.machine.now
        )
        self.operations: list[bytes] = []
        self.is_changed = True
        if world.token:
            world.call("depositor", world.token, "approve", world.escrow.address, 10 * amount)
        self.before = {who: world.has(who) for who in NAMES}
        if is_funded:
            self.deposit("depositor")
        for who in refusing:
            self.somebody_cannot_receive(who, refuses=True)

    # ---- who calls what --------------------------------------------------------------------

    @rule(who=PEOPLE, name=CALLS, number=OPERATIONS, share=SHARES, other=PEOPLE)
    def somebody_calls(self, who: str, name: str, number: int, share: int, other: str) -> None:
        if name in {"release", "refund"}:
            getattr(self, name)(who, number, share)
        elif name == "withdraw_for":
            self.withdraw_for(who, other)
        else:
            getattr(self, name)(who)

    @rule(name=CALLS, number=OPERATIONS, share=SHARES, first=st.integers(0, 5))
    def everybody_calls(self, name: str, number: int, share: int, first: int) -> None:
        for who in (*NAMES[first:], *NAMES[:first]):
            self.somebody_calls(who, name, number, share, who)

    @rule(
        decisions=st.lists(
            st.tuples(st.sampled_from(PARTIES), st.integers(0, 2), OPERATIONS, PARTS),
            min_size=1,
            max_size=4,
        )
    )
    def those_who_may_decide(self, decisions: list[tuple[str, int, int, int]]) -> None:
        # Most people may not do most things: without this rule little money would move.
        for to, pick, number, share in decisions:
            amount = self.part(share)
            is_release = to == "beneficiary"
            may_do = self.model.may_release if is_release else self.model.may_refund
            if may := [who for who in NAMES if may_do(who, number, amount)]:
                who = may[pick % len(may)]
                (self.release if is_release else self.refund)(who, number, share)

    @rule(who=PEOPLE, sum_=st.sampled_from(["exact", "none", "less", "more"]))
    def somebody_deposits(self, who: str, sum_: str) -> None:
        self.deposit(who, sum_)

    @rule(who=PEOPLE, data=st.none() | st.binary(max_size=8), value=st.sampled_from([0, 1]))
    def call_anything_else(self, who: str, data: bytes | None, value: int) -> None:
        if data is None:
            terms = self.world.terms(beneficiary=account("thief"))
            data = self.world.escrow.calldata("initialize", terms)
        type(self).calls += 1
        with pytest.raises(RevertedError):
            self.world.run(who, self.world.escrow.address, data, value)

    # ---- what else happens -----------------------------------------------------------------

    @rule(
        until=st.sampled_from([*[None] * 8, "fund_by", "release_by", "release_by", "arbiter_by"]),
        seconds=st.sampled_from([0, 1, 60, DAY]),
    )
    def time_passes(self, until: str | None, seconds: int) -> None:
        since = getattr(self.model, until) if until else self.model.now
        self.move_to(max(self.model.now, since + seconds))

    @rule(amount=st.integers(1, 1000))
    def something_is_sent_past_the_deposit(self, amount: int) -> None:
        if self.world.token:
            self.world.token.send("mint", self.world.escrow.address, amount, by=NOBODY)
        else:
            self.world.machine.give_coins(self.world.escrow.address, amount)
        self.model.stray += amount
        self.is_changed = True

    @rule(who=st.sampled_from([*PARTIES, *PARTIES, "escrow"]), refuses=st.booleans())
    def somebody_cannot_receive(self, who: str, *, refuses: bool) -> None:
        if self.world.token:
            people = {**self.world.people, "escrow": self.world.escrow.address}
            self.world.token.send("block", people[who], refuses, by=NOBODY)
        elif who in self.world.contracts:
            self.world.behave(who, REVERTS if refuses else ACCEPTS)
        else:
            return
        (self.model.cannot_receive.add if refuses else self.model.cannot_receive.discard)(who)

    # ---- what always holds -----------------------------------------------------------------

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        if not self.is_changed:
            return
        self.is_changed = False
        world, model = self.world, self.model
        assert world.status == model.status
        assert world.remaining == model.remaining
        owed = model.remaining + sum(model.parked.values())
        assert world.escrow.look("total_parked") == owed - model.remaining
        assert world.held(world.escrow.address) == owed + model.stray
        assert sum(model.paid.values()) + owed == model.deposited <= model.amount
        self.check_gains(PARTIES)
        assert len(set(self.operations)) == len(self.operations)

    def check_gains(self, people: Iterable[str]) -> None:
        due = dict.fromkeys(NAMES, 0) | self.model.paid
        due["depositor"] += self.model.rescued
        for who in people:
            assert self.world.has(who) - self.before[who] == due[who], who

    def teardown(self) -> None:
        """See that all money gets out, whatever has happened before."""
        model = getattr(self, "model", None)
        if model is None:
            return  # there was no time to make it
        self.move_to(model.arbiter_by + 1)
        if model.status not in {CREATED, CLOSED}:
            self.reclaim("depositor")
        assert model.remaining == 0
        for who in PARTIES:  # whom nothing reaches holds up nobody
            assert self.world.parked(who) == model.parked[who]
            self.withdraw_for("stranger", who)
        for who in (*PARTIES, "escrow"):
            self.somebody_cannot_receive(who, refuses=False)
        for who in PARTIES:
            self.withdraw_for("stranger", who)
        self.rescue("stranger")
        self.is_changed = True
        self.all_is_as_the_model_says()
        self.check_gains(NAMES)
        assert self.world.held(self.world.escrow.address) == 0
        assert self.world.held(account("thief")) == 0
        assert self.world.escrow.look("is_paused") == model.is_paused
        for wallet in self.world.contracts.values():
            assert wallet.look("calls_done") == 0, "got in from within a payment"

    # ---- calls, and what the model says of them -----------------------------------------------

    def deposit(self, who: str, sum_: str = "exact") -> None:
        due = 0 if self.world.token else self.model.amount
        value = {"exact": due, "none": 0, "less": max(due - 1, 0), "more": due + 1}[sum_]
        is_taken = not self.world.token or self.model.can_receive(who)
        may = self.model.may_deposit(who, exact=value == due and is_taken)
        logs = self.attempt(who, "deposit", value=value, may=may)
        if may:
            self.model.deposit()
            assert [log.name for log in logs] == ["Deposited"]
            if who not in self.world.contracts or self.world.token:
                self.before[who] -= self.model.amount

    def release(self, who: str, number: int, share: int) -> None:
        amount = self.part(share)
        may = self.model.may_release(who, number, amount)
        logs = self.attempt(who, "release", operation(number), amount, may=may)
        if may:
            self.model.move(who, number, amount, to="beneficiary")
            self.check_moved(logs, "Released", who, amount)

    def refund(self, who: str, number: int, share: int) -> None:
        amount = self.part(share)
        may = self.model.may_refund(who, number, amount)
        logs = self.attempt(who, "refund", operation(number), amount, may=may)
        if may:
            self.model.move(who, number, amount, to="depositor")
            self.check_moved(logs, "Refunded", who, amount)

    def reclaim(self, who: str) -> None:
        may, amount = self.model.may_reclaim(who), self.model.remaining
        self.attempt(who, "reclaim", may=may)
        if may:
            self.model.move(who, None, amount, to="depositor")

    def open_dispute(self, who: str) -> None:
        may = self.model.may_dispute(who)
        self.attempt(who, "open_dispute", may=may)
        if may:
            self.model.status = DISPUTED

    def pause(self, who: str) -> None:
        may = who == "guardian" and not self.model.is_paused
        self.attempt(who, "pause", may=may)
        self.model.is_paused |= may

    def unpause(self, who: str) -> None:
        may = who == "guardian" and self.model.is_paused
        self.attempt(who, "unpause", may=may)
        self.model.is_paused &= not may

    def withdraw(self, who: str) -> None:
        may = self.model.may_withdraw(who)
        self.attempt(who, "withdraw", may=may)
        if may:
            self.model.withdraw(who)

    def withdraw_for(self, who: str, recipient: str) -> None:
        may = self.model.may_withdraw(recipient)
        self.attempt(who, "withdraw_for", self.world.people[recipient], may=may)
        if may:
            self.model.withdraw(recipient)

    def rescue(self, who: str) -> None:
        may = self.model.stray > 0 and self.model.can_receive("depositor")
        self.attempt(who, "rescue", self.asset, may=may)
        if may:
            self.model.rescue()

    # ---- small parts -----------------------------------------------------------------------

    @property
    def asset(self) -> Any:
        return self.world.token.address if self.world.token else NOBODY

    def part(self, share: int) -> int:
        """Return so many hundredths of what remains, rounded up; 101: one more than all."""
        return self.model.remaining + 1 if share > 100 else -(-self.model.remaining * share // 100)

    def move_to(self, second: int) -> None:
        self.world.machine.now = self.model.now = second

    def attempt(self, who: str, name: str, *arguments: Any, may: bool, value: int = 0) -> list[Log]:
        """Have somebody make a call; it must succeed if it may, and only then."""
        type(self).calls += 1
        if not may:
            with pytest.raises(RevertedError):
                self.world.act(who, name, *arguments, value=value)
            return []
        logs = self.world.act(who, name, *arguments, value=value)
        self.is_changed = True
        assert all(log.values["operator"] == _text(self.world.people["operator"]) for log in logs)
        return logs

    def check_moved(self, logs: list[Log], name: str, who: str, amount: int) -> None:
        to = "beneficiary" if name == "Released" else "depositor"
        moved, *rest = logs
        assert moved.name == name
        assert moved.values["by"] == _text(self.world.people[who])
        assert moved.values["amount"] == amount
        assert moved.values["remaining"] == self.model.remaining
        assert [log.name for log in rest] == ([] if self.model.can_receive(to) else ["Parked"])
        self.operations.append(moved.values["operation_id"])


class AnyCallsOnTokens(AnyCalls):
    """The same, of a token."""

    of_token = True


def _text(address: bytes) -> str:
    return f"0x{address.hex()}"


@LONG
def test_coins_go_only_where_the_terms_say_whoever_calls_what() -> None:
    _try(AnyCalls)


@LONG
def test_tokens_go_only_where_the_terms_say_whoever_calls_what() -> None:
    _try(AnyCallsOnTokens)


def _try(kind: type[AnyCalls]) -> None:
    chosen = settings(
        max_examples=100 if IS_DEEP else 15,
        stateful_step_count=40,
        deadline=None,
        # To find the shortest of the failing cases takes longer than a test may.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    kind.calls = 0
    while kind.calls < FEWEST_CALLS // 2:  # how many an example makes is up to chance
        run_state_machine_as_test(kind, settings=chosen)
