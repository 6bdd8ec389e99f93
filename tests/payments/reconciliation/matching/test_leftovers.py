"""What is not matched automatically: every doubt has a reason, and where it can a suggestion."""

import pytest

from payments.bank_reference import is_valid
from payments.reconciliation.matching.board import Board
from payments.reconciliation.matching.model import (
    Leftover,
    Match,
    OpenExpectation,
    OpenLine,
    Policy,
    Reason,
    Rule,
)
from tests.payments.reconciliation.matching.lines import (
    ONE,
    THREE,
    TWO,
    expected,
    line,
    only_leftover,
    run,
    whole,
)


def _reasons(leftovers: list[Leftover]) -> dict[str, str]:
    return {left.line_id: left.reason for left in leftovers}


def _neighbour(reference: str, typed: str) -> str:
    """Another valid reference that is one mistake from what was typed."""
    variants = (
        typed[:at] + character + typed[at + 1 :]
        for at in range(2, 14)
        for character in "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    )
    return next(one for one in variants if is_valid(one) and one != reference)


def _suggested(left: Leftover) -> tuple[int, ...]:
    assert left.suggestion is not None
    return left.suggestion.expectation_ids


@pytest.mark.parametrize("amount", [4_999, 5_001, 1, 10_000])
def test_another_amount(amount: int) -> None:
    left = only_leftover(run([line(amount=amount, text=ONE)], [expected(reference=ONE)]))
    assert left.reason == "amount_differs"
    assert left.suggestion is not None
    assert left.suggestion == ((1,), 60, f"the amount is {amount} where 5000 is expected")


@pytest.mark.parametrize(
    "waiting", [expected(amount=-5_000, reference=ONE), expected(reference=ONE, currency="USD")]
)
def test_another_direction_or_currency(waiting: OpenExpectation) -> None:
    left = only_leftover(run([line(text=ONE)], [waiting]))
    assert left.reason == "amount_differs"


def test_the_second_line_for_one_payment_is_a_duplicate_whichever_way_it_quotes() -> None:
    lines = [line("stl_1", text=ONE.lower()), line("stl_2", text=ONE, after=1)]
    outcome = run(lines, [expected(reference=ONE)])
    assert [match.line_id for match in outcome.matches] == ["stl_1"]
    (left,) = outcome.leftovers
    assert left == ("stl_2", Reason.DUPLICATE, ((), 0, "matched already by stl_1"))


def test_a_line_for_what_was_matched_in_an_earlier_run_is_a_duplicate() -> None:
    left = only_leftover(run([line(text=ONE)], [expected(amount=0, reference=ONE)]))
    assert left.reason == "duplicate"


def test_a_duplicate_of_a_payment_whose_refund_waits_is_a_duplicate() -> None:
    waiting = [expected(1, 0, ONE), expected(2, -2_000, ONE, kind="refund")]
    assert only_leftover(run([line(text=ONE)], waiting)).reason == "duplicate"


def test_two_things_of_one_reference_and_amount_wait_for_both_their_lines() -> None:
    waiting = [expected(1, 5_000, ONE), expected(2, 5_000, ONE, after=1)]
    left = only_leftover(run([line(text=ONE)], waiting))
    assert (left.reason, _suggested(left)) == ("ambiguous", (1, 2))
    both = run([line("stl_1", text=ONE), line("stl_2", text=ONE, after=1)], waiting)
    assert [match.parts for match in both.matches] == [whole(5_000, 1), whole(5_000, 2)]
    too_many = run([line(f"stl_{n}", text=ONE) for n in range(3)], waiting)
    assert too_many.matches == []


def test_two_references_quoted_and_one_of_them_paid() -> None:
    waiting = [expected(1, 5_000, ONE), expected(2, 3_000, TWO)]
    left = only_leftover(run([line(text=f"{ONE} {TWO}")], waiting))
    assert (left.reason, _suggested(left)) == ("ambiguous", (1, 2))


def test_references_quoted_whose_sum_is_not_the_lines() -> None:
    waiting = [expected(1, 5_000, ONE), expected(2, 3_000, TWO), expected(3, 2_000, THREE)]
    left = only_leftover(run([line(amount=8_000, text=f"{ONE} {TWO} {THREE}")], waiting))
    assert left.reason == "amount_differs"
    assert left.suggestion is not None
    assert left.suggestion.reason == "the amount is 8000 where 10000 is expected"


def test_a_batch_whose_sum_is_not_the_lines() -> None:
    waiting = [expected(1, 5_000, batch_ref="PYT-77"), expected(2, 3_000, batch_ref="PYT-77")]
    left = only_leftover(run([line(amount=7_999, batch_ref="PYT-77")], waiting))
    assert (left.reason, _suggested(left)) == ("amount_differs", (1, 2))


def test_a_line_that_bears_two_batches_is_for_neither() -> None:
    waiting = [expected(1, 5_000, batch_ref="PYT-77"), expected(2, 3_000, batch_ref="PYT-78")]
    assert run([line(batch_ref="PYT-77", bank_ref="PYT-78")], waiting).matches == []


def test_a_second_line_for_a_batch_is_a_duplicate() -> None:
    waiting = [expected(1, 5_000, batch_ref="PYT-77"), expected(2, 3_000, batch_ref="PYT-77")]
    lines = [line("stl_1", 8_000, batch_ref="PYT-77"), line("stl_2", 8_000, batch_ref="PYT-77")]
    outcome = run(lines, waiting)
    assert [match.line_id for match in outcome.matches] == ["stl_1"]
    assert _reasons(outcome.leftovers) == {"stl_2": "duplicate"}


def test_parts_that_do_not_add_up_wait_for_the_rest() -> None:
    lines = [line("stl_1", 2_000, ONE), line("stl_2", 2_999, ONE)]
    outcome = run(lines, [expected(reference=ONE)])
    assert _reasons(outcome.leftovers) == {"stl_1": "amount_differs", "stl_2": "amount_differs"}
    rest = run([*lines, line("stl_3", 1, ONE)], [expected(reference=ONE)])
    assert [match.rule for match in rest.matches] == ["split"] * 3


def test_parts_and_the_whole_are_not_both_taken() -> None:
    lines = [line("stl_1", 2_000, ONE), line("stl_2", 3_000, ONE), line("stl_3", 5_000, ONE)]
    outcome = run(lines, [expected(reference=ONE)])
    assert [match.line_id for match in outcome.matches] == ["stl_3"]
    assert _reasons(outcome.leftovers) == {"stl_1": "duplicate", "stl_2": "duplicate"}


def test_parts_of_two_things_of_one_reference_are_left() -> None:
    waiting = [expected(1, 3_000, ONE), expected(2, 2_000, ONE)]
    lines = [line("stl_1", 4_000, ONE), line("stl_2", 1_000, ONE)]
    assert run(lines, waiting).matches == []


def test_an_id_and_a_reference_that_contradict_each_other() -> None:
    waiting = [expected(1, provider_ref="PAID-BY-ID"), expected(2, reference=ONE)]
    left = only_leftover(run([line(text=ONE, bank_ref="PAID-BY-ID")], waiting))
    assert (left.reason, _suggested(left)) == ("ambiguous", (1, 2))


def test_two_ids_that_contradict_each_other() -> None:
    waiting = [expected(1, provider_ref="PAID-1"), expected(2, provider_ref="PAID-2")]
    left = only_leftover(run([line(end_to_end_id="PAID-1", bank_ref="PAID-2")], waiting))
    assert (left.reason, _suggested(left)) == ("ambiguous", (1, 2))


def test_two_ids_of_one_thing_are_no_contradiction() -> None:
    waiting = [expected(provider_ref="TRACE-1", reference="po_1")]
    assert run([line(end_to_end_id="TRACE-1", bank_ref="po_1")], waiting).leftovers == []


def test_no_line_is_taken_twice_and_no_expectation() -> None:
    board = Board([line("stl_1"), line("stl_2")], [expected(1), expected(2)])
    first = Match("stl_1", whole(5_000, 1), Rule.REFERENCE, 100, "")
    assert board.take([first])
    assert not board.take([first._replace(parts=whole(5_000, 2))])
    assert not board.take([first._replace(line_id="stl_2")])
    assert board.matches == {"stl_1": first}
    assert board.taken_by == {1: "stl_1"}


def test_a_name_outside_the_window() -> None:
    waiting = [expected(reference=ONE)]
    left = only_leftover(run([line(text=ONE, after=91)], waiting))
    assert (left.reason, _suggested(left)) == ("outside_window", (1,))
    assert run([line(text=ONE, after=90)], waiting).leftovers == []
    assert run([line(text=ONE, after=91)], waiting, Policy(date_window_days=91)).leftovers == []
    assert run([line(text=ONE, after=-90)], waiting).leftovers == []


def test_a_mistake_outside_the_window() -> None:
    typed = ONE[:5] + "W" + ONE[6:]
    waiting = [expected(reference=ONE)]
    left = only_leftover(run([line(text=typed, after=8)], waiting))
    assert (left.reason, _suggested(left)) == ("outside_window", (1,))
    assert run([line(text=typed, after=8)], waiting, Policy(date_window_days=8)).leftovers == []


def test_a_mistake_and_another_amount() -> None:
    typed = ONE[:5] + "W" + ONE[6:]
    left = only_leftover(run([line(amount=4_999, text=typed)], [expected(reference=ONE)]))
    assert left.reason == "unknown_reference"


def test_two_lines_near_one_reference() -> None:
    lines = [line("stl_1", text=ONE[:5] + "W" + ONE[6:]), line("stl_2", text=ONE[:7] + ONE[8:])]
    outcome = run(lines, [expected(reference=ONE)])
    assert outcome.matches == []
    assert _reasons(outcome.leftovers) == {"stl_1": "ambiguous", "stl_2": "ambiguous"}


def test_a_mistake_near_two_references() -> None:
    typed = ONE[:5] + "W" + ONE[6:]
    waiting = [expected(1, reference=ONE), expected(2, reference=_neighbour(ONE, typed))]
    left = only_leftover(run([line(text=typed)], waiting))
    assert (left.reason, _suggested(left)) == ("ambiguous", (1, 2))


def test_a_mistake_is_only_looked_into_when_nothing_known_is_named() -> None:
    typed = ONE[:5] + "W" + ONE[6:]
    waiting = [expected(1, reference=ONE), expected(2, 0, reference=TWO)]
    assert only_leftover(run([line(text=f"{typed} {TWO}")], waiting)).reason == "duplicate"


def test_a_reference_we_do_not_know() -> None:
    left = only_leftover(run([line(text=ONE)], [expected(amount=4_000, reference=TWO)]))
    assert left == ("stl_1", Reason.UNKNOWN_REFERENCE, None)


def test_an_amount_and_a_date_are_only_suggested() -> None:
    left = only_leftover(run([line(text="THANK YOU", after=7)], [expected(reference=ONE)]))
    assert left.reason == "no_reference"
    assert left.suggestion == ((1,), 60, "the only one of this amount near this date; 7 days after")


@pytest.mark.parametrize(
    ("lines", "waiting"),
    [
        ([line()], [expected(after=8)]),
        ([line()], [expected(after=-8)]),
        ([line()], [expected(currency="USD")]),
        ([line()], [expected(1), expected(2, after=6)]),
        ([line("stl_1"), line("stl_2", after=5)], [expected(after=2)]),
    ],
)
def test_an_amount_is_not_suggested_where_more_than_one_or_none_is_near(
    lines: list[OpenLine], waiting: list[OpenExpectation]
) -> None:
    outcome = run(lines, waiting)
    assert outcome.matches == []
    for left in outcome.leftovers:
        assert left.reason == "no_reference"
        assert left.suggestion is None
