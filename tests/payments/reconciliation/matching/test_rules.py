"""Each rule of matching: what it takes, how sure it is, and what it says of why."""

import pytest

from payments.reconciliation.matching.model import OpenLine, Part, Policy, Rule
from tests.payments.reconciliation.matching.lines import (
    ONE,
    THREE,
    TWO,
    expected,
    line,
    only_leftover,
    only_match,
    run,
    whole,
)

PROVIDERS_ID = "c1b2a3d4-0000-4f00-8f00-0123456789ab"


@pytest.mark.parametrize(
    "one",
    [
        line(after=3, bank_ref=PROVIDERS_ID),
        line(after=3, end_to_end_id=PROVIDERS_ID),
        line(after=3, end_to_end_id=PROVIDERS_ID.upper().replace("-", "")),
    ],
)
def test_the_providers_id(one: OpenLine) -> None:
    match = only_match(run([one], [expected(provider_ref=PROVIDERS_ID)]))
    assert match == (
        "stl_1",
        whole(5_000, 1),
        Rule.PROVIDER_ID,
        100,
        f"provider's id {PROVIDERS_ID} in the bank's ids; amount equal; 3 days after",
    )


def test_a_payouts_id_that_serves_as_its_reference() -> None:
    payout = expected(amount=77, reference="po_1Ab", provider_ref="TRACE1")
    match = only_match(run([line(amount=77, bank_ref="PO_1AB")], [payout]))
    assert match.rule is Rule.PROVIDER_ID


@pytest.mark.parametrize(
    ("after", "said"),
    [(0, "same day"), (1, "1 day after"), (2, "2 days after"), (-1, "1 day before")],
)
def test_a_reference_quoted_exactly(after: int, said: str) -> None:
    one = line(text=f"Invoice {ONE} thanks", after=after)
    match = only_match(run([one], [expected(reference=ONE)]))
    reason = f"reference {ONE} quoted exactly; amount equal; {said}"
    assert match == ("stl_1", whole(5_000, 1), Rule.REFERENCE, 100, reason)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (f"{ONE[:4]} {ONE[4:8]}-{ONE[8:]}", ONE),
        (f"SVWZ+{ONE[:9]}\n{ONE[9:]} A SMITH", ONE),
        (ONE.lower(), ONE),
        (TWO.replace("1", "l").replace("0", "O"), TWO),
        ("SR" + THREE[2:].lstrip("0"), THREE),
    ],
)
def test_a_reference_in_another_spelling(text: str, reference: str) -> None:
    match = only_match(run([line(text=text)], [expected(reference=reference)]))
    assert (match.rule, match.certainty) == (Rule.REFERENCE_NORMALISED, 98)
    assert match.reason.startswith(f"reference {reference} quoted in another spelling")


def test_money_that_leaves_is_matched_with_what_is_expected_to_leave() -> None:
    waiting = [expected(1, 5_000, ONE), expected(2, -5_000, ONE, kind="refund", after=5)]
    outcome = run([line("stl_1", -5_000, ONE), line("stl_2", 5_000, ONE)], waiting)
    assert [match.parts for match in outcome.matches] == [whole(-5_000, 2), whole(5_000, 1)]


def test_many_expectations_by_the_name_of_their_batch() -> None:
    waiting = [
        expected(1, 5_000, batch_ref="PYT-77"),
        expected(2, 3_000, batch_ref="PYT-77"),
        expected(3, -200, batch_ref="PYT-77", kind="dispute"),
        expected(4, 7_800, batch_ref="PYT-78"),
    ]
    match = only_match(run([line(amount=7_800, batch_ref="pyt77")], waiting))
    assert (match.rule, match.certainty) == (Rule.BATCH, 97)
    assert match.parts == (Part(5_000, 1), Part(3_000, 2), Part(-200, 3))
    assert match.reason == "batch PYT-77; the sum of 3 is equal"


@pytest.mark.parametrize(
    "one", [line(amount=3, bank_ref="PYT-77"), line(amount=3, end_to_end_id="PYT-77")]
)
def test_a_bank_may_hand_the_batch_on_in_its_ids(one: OpenLine) -> None:
    waiting = [expected(1, 1, batch_ref="PYT-77"), expected(2, 2, batch_ref="PYT-77")]
    assert only_match(run([one], waiting)).rule is Rule.BATCH


def test_many_expectations_by_all_references_quoted() -> None:
    waiting = [expected(1, 5_000, ONE), expected(2, 3_000, TWO)]
    match = only_match(run([line(amount=8_000, text=f"{ONE}, {TWO}")], waiting))
    assert (match.rule, match.certainty) == (Rule.BATCH, 97)
    assert match.parts == (Part(5_000, 1), Part(3_000, 2))
    assert match.reason == f"references {ONE}, {TWO} quoted; the sum of 2 is equal"


def test_all_that_waits_under_one_reference() -> None:
    waiting = [expected(1, 3_000, ONE), expected(2, 2_000, ONE, after=1)]
    match = only_match(run([line(text=ONE)], waiting))
    assert (match.rule, match.parts) == (Rule.BATCH, (Part(3_000, 1), Part(2_000, 2)))


def test_many_lines_that_quote_one_reference() -> None:
    lines = [
        line("stl_1", 2_000, ONE),
        line("stl_2", 1_000, ONE.lower(), after=3),
        line("stl_3", 2_000, ONE, after=9),
    ]
    outcome = run(lines, [expected(reference=ONE)])
    assert outcome.leftovers == []
    assert [match.line_id for match in outcome.matches] == ["stl_1", "stl_2", "stl_3"]
    for match, one in zip(outcome.matches, lines, strict=True):
        assert match.parts == whole(one.amount, 1)
        assert (match.rule, match.certainty) == (Rule.SPLIT, 96)
        assert match.reason == f"reference {ONE} quoted by 3 lines; their sum is equal"


@pytest.mark.parametrize("amount", [-250, 250])
def test_the_banks_charges_and_what_it_gives_back(amount: int) -> None:
    match = only_match(run([line(amount=amount, is_bank_charge=True)], [expected(amount=amount)]))
    assert match.parts == (Part(amount, account="expenses:bank:fees"),)
    assert (match.rule, match.certainty) == (Rule.BANK_CHARGE, 95)


def test_a_charge_that_we_expect_is_what_we_expect() -> None:
    one = line(amount=-250, is_bank_charge=True, bank_ref=PROVIDERS_ID)
    match = only_match(run([one], [expected(amount=-250, provider_ref=PROVIDERS_ID)]))
    assert match.rule is Rule.PROVIDER_ID


@pytest.mark.parametrize(
    "typed",
    [
        "SR7GK2M4Q09Z" + ONE[-2:],  # one wrong
        "SR7GK2M4Q0X" + ONE[-2:],  # one missing
        "SR7GK2M44Q09X" + ONE[-2:],  # one added
        "SR7G2KM4Q09X" + ONE[-2:],  # two swapped
        "SX7GK2M4Q09X" + ONE[-2:],  # in the prefix
        ONE[1:],
    ],
)
def test_a_reference_with_one_mistake(typed: str) -> None:
    waiting = [expected(1, 5_000, ONE), expected(2, 5_000, TWO)]
    match = only_match(run([line(text=f"Invoice {typed}", after=2)], waiting))
    assert (match.rule, match.certainty) == (Rule.REFERENCE_ONE_OFF, 92)
    assert match.parts == whole(5_000, 1)
    assert match.reason == (
        f"reference {ONE} quoted with one mistake, and no other is near; amount equal; 2 days after"
    )


def test_two_mistakes_are_too_many() -> None:
    typed = "SR7GK2M4Q0ZZ" + ONE[-2:]
    left = only_leftover(run([line(text=typed)], [expected(reference=ONE)]))
    assert left.reason == "unknown_reference"


def test_what_is_less_certain_than_asked_for_is_suggested() -> None:
    one = line(text=ONE.lower())
    left = only_leftover(run([one], [expected(reference=ONE)], Policy(automatic_from=99)))
    assert left.suggestion is not None
    assert left.suggestion[:2] == ((1,), 60)
    assert left.suggestion.reason.startswith(f"reference {ONE} quoted in another spelling")


def test_the_surer_rule_comes_first() -> None:
    waiting = [expected(1, provider_ref=PROVIDERS_ID), expected(2, reference=ONE)]
    lines = [line("stl_1", end_to_end_id=PROVIDERS_ID), line("stl_2", text=ONE)]
    rules = [match.rule for match in run(lines, waiting).matches]
    assert rules == [Rule.PROVIDER_ID, Rule.REFERENCE]


def test_nothing_expected_and_nothing_said() -> None:
    assert run([], []) == ([], [])
    assert run([], [expected()]) == ([], [])
