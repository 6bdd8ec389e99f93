"""Lines that name what they are for, with its exact amount: by a provider's id or a reference."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from payments.bank_reference import reference_of
from payments.reconciliation.matching.board import Board, days_after, is_literal, within
from payments.reconciliation.matching.model import (
    CERTAINTY,
    Match,
    OpenExpectation,
    OpenLine,
    Part,
    Policy,
    Rule,
)


def by_provider_id(board: Board, policy: Policy) -> Iterator[list[Match]]:
    """The bank hands on the provider's id as the end-to-end id or its own reference."""
    named: dict[tuple[str, str, int], list[OpenLine]] = defaultdict(list)
    for line in board.open_lines():
        for name in board.identified(line):
            named[name, line.currency, line.amount].append(line)
    for (name, currency, amount), lines in named.items():
        waiting = [
            one
            for one in board.identified(lines[0])[name]
            if board.is_open(one) and (one.currency, one.amount) == (currency, amount)
        ]
        clear = [line for line in lines if not board.contradicts_itself(line)]
        for line, one in _pairs(clear, waiting, policy):
            why = f"provider's id {one.provider_ref or one.reference_key} in the bank's ids"
            yield [_match(line, one, Rule.PROVIDER_ID, why)]


def by_reference(board: Board, policy: Policy) -> Iterator[list[Match]]:
    """The payer quotes the one reference, as it was given out or as banks and people alter it."""
    quoting: dict[tuple[str, str, int], list[OpenLine]] = defaultdict(list)
    for line in board.open_lines():
        keys = board.open_keys(line)
        if len(keys) == 1 and not board.contradicts_itself(line):
            quoting[keys[0], line.currency, line.amount].append(line)
    for (key, _, amount), lines in quoting.items():
        waiting = [one for one in board.open_under(key, lines[0]) if one.amount == amount]
        for line, one in _pairs(lines, waiting, policy):
            if is_literal(line, key):
                rule, how = Rule.REFERENCE, "quoted exactly"
            else:
                rule, how = Rule.REFERENCE_NORMALISED, "quoted in another spelling"
            yield [_match(line, one, rule, f"reference {reference_of(key)} {how}")]


def _pairs(
    lines: Sequence[OpenLine], waiting: Sequence[OpenExpectation], policy: Policy
) -> Iterator[tuple[OpenLine, OpenExpectation]]:
    """Pair lines and expectations of one name and one amount, both in the order of their dates.

    One expectation gets the first line in reach, and further lines are duplicates. Several get a
    line each if there are as many: with fewer nobody can say yet which of them came.
    """
    days = policy.reference_window_days
    if len(waiting) == 1:
        reachable = (line for line in lines if within(line, waiting, days))
        yield from ((line, waiting[0]) for line in reachable)
    elif len(lines) == len(waiting):
        pairs = list(zip(lines, waiting, strict=True))
        if all(within(line, [one], days) for line, one in pairs):
            yield from pairs


def _match(line: OpenLine, one: OpenExpectation, rule: Rule, why: str) -> Match:
    reason = f"{why}; amount equal; {said_days(days_after(line, one))}"
    return Match(line.id, (Part(line.amount, one.id),), rule, CERTAINTY[rule], reason)


def said_days(days: int) -> str:
    """Return a distance in days as people say it: `2 days after`."""
    if days == 0:
        return "same day"
    return f"{abs(days)} {'day' if abs(days) == 1 else 'days'} {'after' if days > 0 else 'before'}"
