"""However the facts of a payment arrive, it ends in the same place and never moves backwards."""

import datetime as dt
from collections.abc import Iterable
from functools import reduce
from itertools import permutations

import pytest

from payments.lifecycle.stages import CHARGED, Stage, Status, advance
from payments.providers.facts import (
    ActionRequired,
    Canceled,
    ChargeSucceeded,
    Fact,
    Failure,
    PaymentFailed,
    Processing,
)

START = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
CREATED = Stage(Status.CREATED, START + dt.timedelta(hours=1))  # our clock may be ahead
DECLINED = Failure(code="card_declined", message="No.", next_step="try_another_card")

KINDS = {
    "action": ActionRequired,
    "processing": Processing,
    "failed": lambda **which: PaymentFailed(**which, failure=DECLINED),
    "canceled": Canceled,
    "succeeded": lambda **which: ChargeSucceeded(**which, amount=1, currency="EUR"),
}


def fact(kind: str, second: int = 0) -> Fact:
    made: Fact = KINDS[kind](  # type: ignore[operator] # classes and lambdas with the same fields
        provider="stripe",
        provider_ref="pi_1",
        payment_id="pay_1",
        occurred_at=START + dt.timedelta(seconds=second),
    )
    return made


def told(facts: Iterable[Fact]) -> Status:
    return reduce(advance, facts, CREATED).status


LIVES = [
    (["succeeded"], Status.SUCCEEDED),
    (["action", "succeeded"], Status.SUCCEEDED),
    (["action", "processing", "succeeded"], Status.SUCCEEDED),
    (["failed"], Status.FAILED),
    (["action", "failed"], Status.FAILED),
    (["failed", "succeeded"], Status.SUCCEEDED),
    (["failed", "failed", "succeeded", "succeeded"], Status.SUCCEEDED),
    (["action", "failed", "action"], Status.REQUIRES_ACTION),
    (["action", "failed", "processing"], Status.PROCESSING),
    (["action", "failed", "action", "processing", "succeeded"], Status.SUCCEEDED),
    (["action", "failed", "action", "failed"], Status.FAILED),
    (["action", "canceled"], Status.CANCELED),
    (["failed", "canceled"], Status.CANCELED),
]


@pytest.mark.parametrize(("life", "end"), LIVES, ids=str)
def test_every_order_of_the_same_facts_ends_in_the_same_place(life: list[str], end: Status) -> None:
    facts = [fact(kind, second) for second, kind in enumerate(life)]
    assert {told(order) for order in permutations(facts)} == {end}
    assert {told([*order, *order]) for order in permutations(facts)} == {end}


@pytest.mark.parametrize(("life", "end"), LIVES, ids=str)
def test_facts_of_the_same_second_have_one_order_too(life: list[str], end: Status) -> None:
    facts = [fact(kind) for kind in life]
    assert len({told(order) for order in permutations(facts)}) == 1
    if end in CHARGED or end is Status.CANCELED:
        assert told(facts) is end


def test_nothing_that_comes_late_takes_money_back() -> None:
    for status in CHARGED:
        stage = Stage(status, START)
        for kind in KINDS:
            assert advance(stage, fact(kind, second=99)) is stage


def test_money_taken_outweighs_a_cancellation() -> None:
    assert told([fact("canceled", 5), fact("succeeded", 1)]) is Status.SUCCEEDED


def test_what_changes_nothing_returns_the_stage_itself() -> None:
    failed = advance(CREATED, fact("failed", 5))
    for same in (fact("failed", 5), fact("action", 5), fact("failed", 4)):
        assert advance(failed, same) is failed
    assert advance(failed, fact("failed", 6)) is not failed


def test_an_expired_payment_ends_only_by_money() -> None:
    expired = Stage(Status.EXPIRED, START)
    assert advance(expired, fact("action", 9)) is expired
    assert advance(expired, fact("succeeded")).status is Status.SUCCEEDED
