"""One line for many expectations, and many lines for one, only where the sums are exactly equal.

No subset is ever searched for: what belongs together is said by a name, and it is all or nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from payments.bank_reference import reference_of
from payments.reconciliation.matching.board import Board, within
from payments.reconciliation.matching.model import (
    CERTAINTY,
    Match,
    OpenExpectation,
    OpenLine,
    Part,
    Policy,
    Rule,
)


def by_batch_name(board: Board, policy: Policy) -> Iterator[list[Match]]:
    """A line bears the name of a batch and is the sum of all that waits of it."""
    for line in board.open_lines():
        waiting = [
            one
            for one in board.batch_named(line)
            if board.is_open(one) and one.currency == line.currency
        ]
        if _explain(line, waiting, policy):
            yield [_covering(line, waiting, f"batch {waiting[0].batch_ref}")]


def by_quoted_references(board: Board, policy: Policy) -> Iterator[list[Match]]:
    """A line quotes several references, or one under which several things wait: all of them."""
    for line in board.open_lines():
        keys = board.open_keys(line)
        waiting = [one for key in keys for one in board.open_under(key, line)]
        several = len(waiting) > 1 and not board.contradicts_itself(line)
        if several and _explain(line, waiting, policy):
            quoted = ", ".join(map(reference_of, keys))
            yield [_covering(line, waiting, f"references {quoted} quoted")]


def by_split(board: Board, policy: Policy) -> Iterator[list[Match]]:
    """Several lines quote the same one reference and together are exactly what waits there."""
    quoting: dict[tuple[str, str, bool], list[OpenLine]] = defaultdict(list)
    for line in board.open_lines():
        keys = board.open_keys(line)
        if len(keys) == 1 and not board.contradicts_itself(line):
            quoting[keys[0], line.currency, line.amount > 0].append(line)
    for (key, _, _), lines in quoting.items():
        waiting = board.open_under(key, lines[0])
        if len(waiting) != 1 or len(lines) == 1:
            continue
        exact = sum(line.amount for line in lines) == waiting[0].amount
        if exact and all(_in_reach(line, waiting, policy) for line in lines):
            yield _shares(lines, waiting[0], key)


def _explain(line: OpenLine, waiting: Sequence[OpenExpectation], policy: Policy) -> bool:
    total = sum(one.amount for one in waiting)
    return bool(waiting) and total == line.amount and _in_reach(line, waiting, policy)


def _in_reach(line: OpenLine, waiting: Sequence[OpenExpectation], policy: Policy) -> bool:
    return within(line, waiting, policy.reference_window_days)


def _covering(line: OpenLine, waiting: Sequence[OpenExpectation], why: str) -> Match:
    parts = tuple(Part(one.amount, one.id) for one in waiting)
    reason = f"{why}; the sum of {len(waiting)} is equal"
    return Match(line.id, parts, Rule.BATCH, CERTAINTY[Rule.BATCH], reason)


def _shares(lines: Sequence[OpenLine], one: OpenExpectation, key: str) -> list[Match]:
    reason = f"reference {reference_of(key)} quoted by {len(lines)} lines; their sum is equal"
    certainty = CERTAINTY[Rule.SPLIT]
    return [
        Match(line.id, (Part(line.amount, one.id),), Rule.SPLIT, certainty, reason)
        for line in lines
    ]
