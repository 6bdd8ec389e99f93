"""Lines and expectations for tests of matching: one payment of 50.00 and what names it."""

import datetime as dt
from collections.abc import Sequence

from payments.bank_reference import extract_keys, reference_key, with_check_digits
from payments.reconciliation.matching.match import match_lines
from payments.reconciliation.matching.model import (
    Leftover,
    Match,
    OpenExpectation,
    OpenLine,
    Outcome,
    Part,
    Policy,
)

DAY = dt.date(2026, 3, 2)
ONE = with_check_digits("7GK2M4Q09X")
TWO = with_check_digits("A1BC0DE2FG")
THREE = with_check_digits("00HJKMNPQR")
POLICY = Policy()


def line(
    id: str = "stl_1",  # noqa: A002 - as the tuple has it
    amount: int = 5_000,
    text: str = "",
    *,
    after: int = 0,
    currency: str = "EUR",
    bank_ref: str | None = None,
    end_to_end_id: str | None = None,
    batch_ref: str | None = None,
    is_bank_charge: bool = False,
) -> OpenLine:
    """Return a line booked some days after DAY, with the keys that an import finds in its text."""
    return OpenLine(
        id=id,
        amount=amount,
        currency=currency,
        booked_on=DAY + dt.timedelta(days=after),
        bank_ref=bank_ref,
        end_to_end_id=end_to_end_id,
        batch_ref=batch_ref,
        is_bank_charge=is_bank_charge,
        reference_keys=tuple(extract_keys(text, end_to_end_id)),
    )


def expected(
    id: int = 1,  # noqa: A002 - as the tuple has it
    amount: int = 5_000,
    reference: str | None = None,
    *,
    after: int = 0,
    kind: str = "charge",
    currency: str = "EUR",
    provider_ref: str | None = None,
    batch_ref: str | None = None,
) -> OpenExpectation:
    """Return an expectation of some days after DAY."""
    return OpenExpectation(
        id=id,
        kind=kind,
        amount=amount,
        currency=currency,
        occurred_on=DAY + dt.timedelta(days=after),
        provider_ref=provider_ref,
        reference_key=reference_key(reference) if reference else None,
        batch_ref=batch_ref,
    )


def run(
    lines: Sequence[OpenLine], waiting: Sequence[OpenExpectation], policy: Policy = POLICY
) -> Outcome:
    """Match, and hold what must hold of any outcome."""
    outcome = match_lines(lines, waiting, policy)
    hold(lines, waiting, outcome)
    return outcome


def hold(lines: Sequence[OpenLine], waiting: Sequence[OpenExpectation], outcome: Outcome) -> None:
    """Hold that every line is told of once, its parts add up, and nothing is matched twice."""
    told = [one.line_id for one in outcome.matches] + [one.line_id for one in outcome.leftovers]
    assert sorted(told) == sorted(one.id for one in lines)
    amounts = {one.id: one.amount for one in lines}
    taken: dict[int, int] = {}
    for match in outcome.matches:
        assert sum(part.amount for part in match.parts) == amounts[match.line_id]
        assert all((part.account is None) != (part.expectation_id is None) for part in match.parts)
        for part in match.parts:
            if part.expectation_id is not None:
                so_far = taken.get(part.expectation_id, 0)
                taken[part.expectation_id] = so_far + part.amount
    by_id = {one.id: one for one in waiting}
    for one, amount in taken.items():
        assert amount == by_id[one].amount
    currencies = {one.id: one.currency for one in lines}
    for match in outcome.matches:
        for part in match.parts:
            if part.expectation_id is not None:
                assert by_id[part.expectation_id].currency == currencies[match.line_id]
    for left in outcome.leftovers:
        assert left.suggestion is None or 0 <= left.suggestion.certainty <= 60


def only_match(outcome: Outcome) -> Match:
    """Return the one match of an outcome that has nothing else."""
    assert outcome.leftovers == []
    (match,) = outcome.matches
    return match


def only_leftover(outcome: Outcome) -> Leftover:
    """Return the one leftover of an outcome that has nothing else."""
    assert outcome.matches == []
    (left,) = outcome.leftovers
    return left


def whole(amount: int, expectation: int) -> tuple[Part, ...]:
    """Return the parts of a line that is for one expectation."""
    return (Part(amount, expectation),)
