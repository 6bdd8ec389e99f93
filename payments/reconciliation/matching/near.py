"""Lines that quote a reference with one mistake: a wrong, missing, added or two swapped characters.

One mistake leaves the first five characters as they are, or the last five. So what shares neither
with a line, or not its exact amount, is never compared with it.
"""

from collections import defaultdict
from collections.abc import Iterator

from payments.bank_reference import MENDED, PREFIX, reference_of
from payments.reconciliation.matching.board import Board, days_after, within
from payments.reconciliation.matching.identity import said_days
from payments.reconciliation.matching.model import (
    CERTAINTY,
    Match,
    OpenExpectation,
    OpenLine,
    Part,
    Policy,
    Rule,
)

_END = 5
# Shorter keys have ends that overlap: one reference in 30,000 begins with so many zeros.
_SHORTEST = 2 * _END + 1
# Random references do not share an end and an amount with so many others.
_MOST_CANDIDATES = 50

_End = tuple[str, str, str, int]


class NearReferences:
    """What waits open under a reference, found by either end of it and the amount."""

    def __init__(self, board: Board) -> None:
        """Index what is still open."""
        self._by_end: dict[_End, list[OpenExpectation]] = defaultdict(list)
        for one in board.open_expectations():
            key = one.reference_key
            if key and key.startswith(PREFIX):
                for end in _ends(key, one.currency, one.amount):
                    self._by_end[end].append(one)

    def near(self, line: OpenLine) -> list[OpenExpectation]:
        """What waits for exactly the line's amount under a reference one mistake from its own."""
        found: dict[int, OpenExpectation] = {}
        for key in line.reference_keys:
            for end in _ends(key, line.currency, line.amount):
                candidates = self._by_end.get(end, ())
                if len(candidates) <= _MOST_CANDIDATES:
                    found |= {
                        one.id: one for one in candidates if _is_near(key, one.reference_key or "")
                    }
        return list(found.values())


def by_one_mistake(board: Board, policy: Policy) -> Iterator[list[Match]]:
    """A line names nothing known, and is near exactly one reference with exactly its amount.

    No other line may be near that one.
    """
    lines = [line for line in board.open_lines() if line.reference_keys and not board.named(line)]
    if not lines:
        return
    index = NearReferences(board)
    claims: dict[int, list[OpenLine]] = defaultdict(list)
    near = {line.id: index.near(line) for line in lines}
    for line in lines:
        for one in near[line.id]:
            claims[one.id].append(line)
    for line in lines:
        if len(near[line.id]) != 1:
            continue
        (one,) = near[line.id]
        if len(claims[one.id]) == 1 and within(line, [one], policy.date_window_days):
            yield [_match(line, one)]


def is_one_mistake(typed: str, meant: str) -> bool:
    """Say whether one character replaced, dropped or added, or two neighbours swapped, is all."""
    if typed == meant or abs(len(typed) - len(meant)) > 1:
        return False
    at = 0
    shorter = min(len(typed), len(meant))
    while at < shorter and typed[at] == meant[at]:
        at += 1
    if len(typed) > len(meant):
        return typed[at + 1 :] == meant[at:]
    if len(typed) < len(meant):
        return typed[at:] == meant[at + 1 :]
    swapped = typed[at + 1 : at + 2] + typed[at] == meant[at : at + 2]
    return typed[at + 1 :] == meant[at + 1 :] or (swapped and typed[at + 2 :] == meant[at + 2 :])


def _is_near(typed: str, key: str) -> bool:
    """Compare with a key, and with its zeros: with its prefix wrong, a text has kept them."""
    return is_one_mistake(typed, key) or is_one_mistake(typed, reference_of(key))


def _ends(key: str, currency: str, amount: int) -> Iterator[_End]:
    if len(key) >= _SHORTEST and not key.startswith(MENDED):
        yield "first", key[:_END], currency, amount
        yield "last", key[-_END:], currency, amount


def _match(line: OpenLine, one: OpenExpectation) -> Match:
    reference = reference_of(one.reference_key or "")
    reason = (
        f"reference {reference} quoted with one mistake, and no other is near; amount equal; "
        f"{said_days(days_after(line, one))}"
    )
    rule = Rule.REFERENCE_ONE_OFF
    return Match(line.id, (Part(line.amount, one.id),), rule, CERTAINTY[rule], reason)
