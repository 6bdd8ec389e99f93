"""Why a line is left, and what a person might match it with: never surer than 60."""

from collections.abc import Iterable, Mapping, Sequence

from payments.bank_reference import PREFIX
from payments.reconciliation.matching.amounts import by_amount_and_date
from payments.reconciliation.matching.board import Board, same_side, within
from payments.reconciliation.matching.model import (
    SUGGESTED_AT_MOST,
    Leftover,
    Match,
    OpenExpectation,
    OpenLine,
    Policy,
    Reason,
    Suggestion,
)
from payments.reconciliation.matching.near import NearReferences

# A person cannot choose among more.
_MOST_SUGGESTED = 20
# One of several, or one that something speaks against.
_DOUBTFUL = 30


def left_over(board: Board, policy: Policy, suggested: Mapping[str, Match]) -> list[Leftover]:
    """Return each line that is not matched, with its reason and what it may be.

    `suggested` are matches that were not certain enough to be made, by line.
    """
    near = NearReferences(board)
    left = []
    for line in board.open_lines():
        if line.id in suggested:
            left.append(_not_certain_enough(suggested[line.id]))
        else:
            left.append(_named(board, policy, line) or _mistaken(near, policy, line))
    nameless = {one.line_id for one in left if one.suggestion is None}
    by_amount = by_amount_and_date(board, policy, nameless)
    return [one._replace(suggestion=one.suggestion or by_amount.get(one.line_id)) for one in left]


def _not_certain_enough(match: Match) -> Leftover:
    ids = tuple(part.expectation_id for part in match.parts if part.expectation_id is not None)
    certainty = min(match.certainty, SUGGESTED_AT_MOST)
    return Leftover(match.line_id, Reason.AMBIGUOUS, Suggestion(ids, certainty, match.reason))


def _named(board: Board, policy: Policy, line: OpenLine) -> Leftover | None:
    """Judge a line that names what we know: by an id, a reference or a batch."""
    named = board.named(line) or board.batch_named(line)
    if not named:
        return None
    waiting = [one for one in named if board.is_open(one) and same_side(line, one)]
    if board.contradicts_itself(line):
        why = "its ids and references name different things"
        return _left(line, Reason.AMBIGUOUS, waiting, _DOUBTFUL, why)
    if waiting:
        return _waited_for(line, waiting, policy)
    spent = [one for one in named if one.amount == 0 or same_side(line, one)]
    if spent:
        taker = board.taken_by.get(spent[0].id)
        why = f"matched already by {taker or 'an earlier line'}"
        return _left(line, Reason.DUPLICATE, (), 0, why)
    why = "what waits under this name is of another direction or currency"
    return _left(line, Reason.AMOUNT_DIFFERS, named, _DOUBTFUL, why)


def _waited_for(line: OpenLine, waiting: Sequence[OpenExpectation], policy: Policy) -> Leftover:
    """Judge a line that names what still waits, and yet was not matched with it."""
    total = sum(one.amount for one in waiting)
    equal = [one for one in waiting if one.amount == line.amount] or waiting
    if line.amount not in (total, equal[0].amount):
        why = f"the amount is {line.amount} where {total} is expected"
        return _left(line, Reason.AMOUNT_DIFFERS, waiting, SUGGESTED_AT_MOST, why)
    if not within(line, equal, policy.reference_window_days):
        why = f"more than {policy.reference_window_days} days apart"
        return _left(line, Reason.OUTSIDE_WINDOW, equal, SUGGESTED_AT_MOST, why)
    return _left(line, Reason.AMBIGUOUS, waiting, _DOUBTFUL, "may be any of several")


def _mistaken(near: NearReferences, policy: Policy, line: OpenLine) -> Leftover:
    """Judge a line that names nothing we know, except perhaps with a mistake."""
    found = near.near(line)
    if found and not within(line, found, policy.date_window_days):
        why = f"near this reference, but more than {policy.date_window_days} days apart"
        return _left(line, Reason.OUTSIDE_WINDOW, found, SUGGESTED_AT_MOST, why)
    if found:
        why = "near this reference, and so is another line, or another reference"
        return _left(line, Reason.AMBIGUOUS, found, SUGGESTED_AT_MOST, why)
    quotes = any(key.startswith(PREFIX) for key in line.reference_keys)
    return Leftover(line.id, Reason.UNKNOWN_REFERENCE if quotes else Reason.NO_REFERENCE)


def _left(
    line: OpenLine, reason: Reason, may_be: Iterable[OpenExpectation], certainty: int, why: str
) -> Leftover:
    ids = tuple(one.id for one in may_be)[:_MOST_SUGGESTED]
    return Leftover(line.id, reason, Suggestion(ids, certainty, why))
