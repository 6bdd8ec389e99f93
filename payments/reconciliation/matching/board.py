"""What is still open while the rules run, and who names whom."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from payments.bank_reference import MENDED, PREFIX, normalise
from payments.reconciliation.matching.model import Match, OpenExpectation, OpenLine

# Banks write this where a payer gave nothing.
_NO_ID = frozenset({"", "N0TPR0V1DED", "N0NREF"})


class Board:
    """Open lines and expectations, each in the order of their dates, and what is taken of them.

    An expectation is only ever taken whole, so "taken" is all there is to know of it.
    """

    def __init__(self, lines: Iterable[OpenLine], expectations: Iterable[OpenExpectation]) -> None:
        """Index what is named; the order they come in makes no difference."""
        self.lines = {line.id: line for line in sorted(lines, key=_line_order)}
        self.expectations = {one.id: one for one in sorted(expectations, key=_expectation_order)}
        self.matches: dict[str, Match] = {}  # by line
        self.taken_by: dict[int, str] = {}  # expectation: line
        self._by_reference: dict[str, list[OpenExpectation]] = defaultdict(list)
        self._by_id: dict[str, list[OpenExpectation]] = defaultdict(list)
        self._by_batch: dict[str, list[OpenExpectation]] = defaultdict(list)
        for one in self.expectations.values():
            if one.reference_key:
                self._by_reference[one.reference_key].append(one)
            for name in dict.fromkeys(_ids_expected(one)):
                self._by_id[name].append(one)
            if one.batch_ref:
                self._by_batch[normalise(one.batch_ref)].append(one)

    def open_lines(self) -> Iterator[OpenLine]:
        """Lines that are not matched yet."""
        return (line for line in self.lines.values() if line.id not in self.matches)

    def open_expectations(self) -> Iterator[OpenExpectation]:
        """Expectations that are not matched yet."""
        return (one for one in self.expectations.values() if self.is_open(one))

    def is_open(self, expectation: OpenExpectation) -> bool:
        """Say whether an expectation still waits for its line."""
        return expectation.amount != 0 and expectation.id not in self.taken_by

    def quoted(self, line: OpenLine) -> dict[str, list[OpenExpectation]]:
        """Expectations whose reference the line quotes, by key, matched or not."""
        known = self._by_reference
        return {key: known[key] for key in line.reference_keys if key in known}

    def identified(self, line: OpenLine) -> dict[str, list[OpenExpectation]]:
        """Expectations whose provider's id the line bears, by the id, matched or not."""
        known = self._by_id
        return {name: known[name] for name in ids_of(line) if name in known}

    def named(self, line: OpenLine) -> list[OpenExpectation]:
        """All that a line names by a provider's id or a reference, matched or not."""
        found = [*self.identified(line).values(), *self.quoted(line).values()]
        return list({one.id: one for group in found for one in group}.values())

    def batch_named(self, line: OpenLine) -> list[OpenExpectation]:
        """The whole batch whose name the line bears, matched or not; none if it bears two."""
        names = {normalise(line.batch_ref or ""), *ids_of(line)}
        known = [name for name in names if name in self._by_batch]
        return self._by_batch[known[0]] if len(known) == 1 else []

    def contradicts_itself(self, line: OpenLine) -> bool:
        """Say whether its provider's ids and its references do not all name the same.

        Several references are no contradiction: they may be paid together.
        """
        identified = [{one.id for one in group} for group in self.identified(line).values()]
        if not identified:
            return False
        same = set.intersection(*identified)
        quoted = {one.id for group in self.quoted(line).values() for one in group}
        return not same or (bool(quoted) and same.isdisjoint(quoted))

    def open_keys(self, line: OpenLine) -> list[str]:
        """References the line quotes that something open waits under, in its currency and side."""
        return [
            key
            for key, group in self.quoted(line).items()
            if any(self.is_open(one) and same_side(line, one) for one in group)
        ]

    def open_under(self, key: str, line: OpenLine) -> list[OpenExpectation]:
        """What waits open under a reference, in a line's currency and on its side."""
        waiting = self._by_reference.get(key, ())
        return [one for one in waiting if self.is_open(one) and same_side(line, one)]

    def take(self, matches: Sequence[Match]) -> bool:
        """Make matches that belong together, all or none: none if anything of them is taken."""
        expectations = {
            part.expectation_id
            for match in matches
            for part in match.parts
            if part.expectation_id is not None
        }
        if any(one in self.taken_by for one in expectations):
            return False
        if any(match.line_id in self.matches for match in matches):
            return False
        for match in matches:
            self.matches[match.line_id] = match
        for one in expectations:
            self.taken_by[one] = matches[0].line_id
        return True


def ids_of(line: OpenLine) -> list[str]:
    """The ids a line bears that may be a provider's, as they are compared."""
    ids = (normalise(text) for text in (line.end_to_end_id, line.bank_ref) if text)
    return [one for one in dict.fromkeys(ids) if one not in _NO_ID]


def same_side(line: OpenLine, expectation: OpenExpectation) -> bool:
    """Say whether both are money in, or both money out, of one currency."""
    return line.currency == expectation.currency and (line.amount > 0) == (expectation.amount > 0)


def is_literal(line: OpenLine, key: str) -> bool:
    """Say whether the line's text has the reference of this key as it was given out."""
    return MENDED + key not in line.reference_keys


def days_after(line: OpenLine, expectation: OpenExpectation) -> int:
    """How many days after what was expected the line is; negative if before."""
    return (line.booked_on - expectation.occurred_on).days


def within(line: OpenLine, expectations: Iterable[OpenExpectation], days: int) -> bool:
    """Say whether a line is at most so many days from all of these."""
    return all(abs(days_after(line, one)) <= days for one in expectations)


def _ids_expected(expectation: OpenExpectation) -> Iterator[str]:
    """The provider's id, and a reference that is not of our own making, such as a payout's."""
    if expectation.provider_ref:
        yield normalise(expectation.provider_ref)
    if expectation.reference_key and not expectation.reference_key.startswith(PREFIX):
        yield normalise(expectation.reference_key)


def _line_order(line: OpenLine) -> tuple[dt.date, str]:
    return line.booked_on, line.id


def _expectation_order(expectation: OpenExpectation) -> tuple[dt.date, int]:
    return expectation.occurred_on, expectation.id
