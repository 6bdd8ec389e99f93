"""Whole worlds whose truth is known: not one wrong match, nearly all found, whatever the order."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reconciliation_engine import expectations_of, lines_of, matched_by
from benchmarks.reconciliation_truth import judge
from benchmarks.reconciliation_world import World, make_world
from payments.bank_reference import with_check_digits
from payments.reconciliation.matching.match import match_lines
from payments.reconciliation.matching.model import OpenExpectation, OpenLine, Outcome, Policy
from tests.payments.reconciliation.matching.lines import expected, hold, line, run


def _match(world: World) -> Outcome:
    lines, waiting = lines_of(world), expectations_of(world)
    outcome = match_lines(lines, waiting, Policy())
    hold(lines, waiting, outcome)
    return outcome


@given(st.integers(0, 2**32), st.integers(0, 120), st.sampled_from([0.0, 0.02, 0.06]))
@settings(max_examples=60, deadline=None)
def test_no_match_is_wrong(seed: int, payments: int, noise: float) -> None:
    world = make_world(payments=payments, seed=seed, noise=noise)
    judgement = judge(world, matched_by(_match(world)))
    assert judgement.wrong == {}
    assert judgement.recall >= 0.9 or judgement.should.total() - judgement.right.total() <= 2


@pytest.mark.parametrize("seed", range(3))
def test_nearly_all_that_should_be_is_matched(seed: int) -> None:
    world = make_world(payments=4_000, seed=seed)
    judgement = judge(world, matched_by(_match(world)))
    assert judgement.wrong == {}
    assert judgement.recall >= 0.99
    for kind, should in judgement.should.items():
        assert judgement.right[kind] >= 0.9 * should, kind


@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_they_come_in_changes_nothing(seed: int, order: random.Random) -> None:
    world = make_world(payments=80, seed=seed, noise=0.06)
    lines, waiting = lines_of(world), expectations_of(world)
    told = match_lines(lines, waiting, Policy())
    order.shuffle(lines)
    order.shuffle(waiting)
    assert match_lines(lines, waiting, Policy()) == told


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_a_second_run_over_what_is_left_finds_nothing_more(seed: int) -> None:
    world = make_world(payments=80, seed=seed, noise=0.06)
    lines, waiting = lines_of(world), expectations_of(world)
    first = match_lines(lines, waiting, Policy())
    done = {match.line_id for match in first.matches}
    taken = {part.expectation_id for match in first.matches for part in match.parts}
    left = [one for one in lines if one.id not in done]
    rest = [one._replace(amount=0) if one.id in taken else one for one in waiting]
    second = match_lines(left, rest, Policy())
    assert second.matches == []
    assert [(one.line_id, one.reason) for one in second.leftovers] == [
        (one.line_id, one.reason) for one in first.leftovers
    ]


REFERENCES = [with_check_digits(body) for body in ("0000000012", "00000ABCDE", "ABCDEFGHJK")]
few_lines = st.lists(
    st.builds(
        line,
        st.uuids().map(str),
        st.integers(-4, 4).filter(bool),
        st.lists(
            st.sampled_from([*REFERENCES, REFERENCES[2][:-1], "SRABCDEFGHJ", "x"]), max_size=3
        ).map(" ".join),
        after=st.integers(-100, 100),
        currency=st.sampled_from(["EUR", "USD"]),
        bank_ref=st.sampled_from([None, "P1", "P2", "B1"]),
        end_to_end_id=st.sampled_from([None, "NOTPROVIDED", "P1", "B2", REFERENCES[0]]),
        batch_ref=st.sampled_from([None, "B1", "B2"]),
        is_bank_charge=st.booleans(),
    ),
    max_size=8,
)
few_expectations = st.lists(
    st.builds(
        expected,
        st.integers(1, 10**6),
        st.integers(-4, 4),
        st.sampled_from([None, *REFERENCES, "po_1"]),
        after=st.integers(-100, 100),
        currency=st.sampled_from(["EUR", "USD"]),
        provider_ref=st.sampled_from([None, "P1", "P2"]),
        batch_ref=st.sampled_from([None, "B1", "B2"]),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)


@given(few_lines, few_expectations, st.integers(0, 100), st.integers(0, 101))
@settings(max_examples=600, deadline=None)
def test_whatever_is_said_sums_are_exact_and_nothing_is_matched_twice(
    lines: list[OpenLine], waiting: list[OpenExpectation], window: int, automatic_from: int
) -> None:
    policy = Policy(date_window_days=window, automatic_from=automatic_from)
    outcome = run(lines, waiting, policy)
    assert all(match.certainty >= automatic_from for match in outcome.matches)
    assert run(lines[::-1], waiting[::-1], policy) == outcome
