"""How good matches are, against the truth of a world."""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from benchmarks.reconciliation_world import Said, World

SECOND = "duplicate, the second"
# By line: the numbers of what was paid, with the amounts.
Matched = Mapping[str, tuple[tuple[int, int], ...]]


class Judgement(NamedTuple):
    """By kind: all lines, those that should be matched, rightly matched, wrongly matched."""

    lines: Counter[str]
    should: Counter[str]
    right: Counter[str]
    wrong: Counter[str]

    @property
    def precision(self) -> float:
        """Which share of what was matched is right."""
        return self.right.total() / max(1, self.right.total() + self.wrong.total())

    @property
    def recall(self) -> float:
        """Which share of what should be matched was matched, and rightly."""
        return self.right.total() / max(1, self.should.total())


def judge(world: World, matched: Matched, received: AbstractSet[str] = frozenset()) -> Judgement:
    """Compare automatic matches with the truth, line by line, to the cent.

    A line that means nothing must not be matched. Of twins one may be, no matter which. The bank's
    charges are right if matched with no payment at all, and should be. `received` are lines that
    were taken in as money that came twice: only a duplicate may be.
    """
    judgement = Judgement(Counter(), Counter(), Counter(), Counter())
    by_id = {said.id: said for said in world.said}
    answered = set()
    for said in world.said:
        truth = _truth(by_id, said)
        judgement.lines[said.kind] += 1
        if said.means or said.is_bank_charge:
            judgement.should[said.kind] += 1
        if said.id in matched:
            first = said.twin_of or said.id
            is_right = sorted(matched[said.id]) == sorted(truth) and first not in answered
            answered.add(first)
            if is_right and (truth or said.is_bank_charge):
                judgement.right[by_id[first].kind] += 1
            else:
                judgement.wrong[said.kind] += 1
    seconds = {said.twin_of or said.id for said in world.said if said.kind == SECOND}
    for line_id in received:
        said = by_id[line_id]
        if (said.twin_of or said.id) not in seconds:
            judgement.wrong[said.kind] += 1
    return judgement


def _truth(by_id: Mapping[str, Said], said: Said) -> Iterable[tuple[int, int]]:
    return by_id[said.twin_of].means if said.twin_of else said.means
