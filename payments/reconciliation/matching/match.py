"""Matches lines with what is expected: every rule in turn, the most certain first.

The cost grows as the number of lines and expectations does; the order they come in is no matter.
"""

from collections.abc import Callable, Iterable, Iterator

from payments.reconciliation.matching.board import Board
from payments.reconciliation.matching.charges import by_bank_code
from payments.reconciliation.matching.identity import by_provider_id, by_reference
from payments.reconciliation.matching.leftovers import left_over
from payments.reconciliation.matching.model import (
    Match,
    OpenExpectation,
    OpenLine,
    Outcome,
    Policy,
)
from payments.reconciliation.matching.near import by_one_mistake
from payments.reconciliation.matching.sums import by_batch_name, by_quoted_references, by_split

RULES: tuple[Callable[[Board, Policy], Iterator[list[Match]]], ...] = (
    by_provider_id,
    by_reference,
    by_batch_name,
    by_quoted_references,
    by_split,
    by_bank_code,
    by_one_mistake,
)
"""Each yields matches that belong together: all of them are made, or none."""


def match_lines(
    lines: Iterable[OpenLine], expectations: Iterable[OpenExpectation], policy: Policy
) -> Outcome:
    """Return a match or a reason for each line.

    A match that is less certain than the policy asks for is not made but suggested.
    """
    board = Board(lines, expectations)
    suggested: dict[str, Match] = {}
    for rule in RULES:
        for matches in rule(board, policy):
            if all(match.certainty >= policy.automatic_from for match in matches):
                board.take(matches)
            else:
                for match in matches:
                    suggested.setdefault(match.line_id, match)
    made = [board.matches[line_id] for line_id in board.lines if line_id in board.matches]
    return Outcome(made, left_over(board, policy, suggested))
