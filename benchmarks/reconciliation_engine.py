"""The matching engine alone on a world: seconds, memory, precision, recall, cost as it grows.

It works in a process of its own, so that the memory measured is its own: the lines and what is
expected, all that the rules make of them, and Python.
"""

import json
import resource
import subprocess
import sys
import time
from statistics import median
from typing import NamedTuple

from benchmarks.reconciliation_truth import Judgement, Matched, judge
from benchmarks.reconciliation_world import CURRENCY, World, make_world
from payments.bank_reference import extract_keys, reference_key
from payments.reconciliation.matching.match import match_lines
from payments.reconciliation.matching.model import OpenExpectation, OpenLine, Outcome, Policy

SMALL, LARGE = 10_000, 100_000
_ROUNDS = 3


class EngineFigures(NamedTuple):
    """What `make bench` tells of the engine; seconds and MB of the large world."""

    payments: int
    lines: int
    match_s: float
    match_small_s: float
    growth: float
    peak_rss_mb: float
    precision_percent: float
    recall_percent: float


class Measured(NamedTuple):
    """One run of the engine in a process of its own."""

    seconds: float
    peak_rss_mb: float
    matched: Matched


def measure_engine(*, seed: int) -> tuple[EngineFigures, Judgement]:
    """Match a small and a large world in turn; the median of three of each counts.

    Seconds are the processor's, so that other work on the machine does not count. `growth` is the
    cost of a line in the large world over that in the small one.
    """
    runs = [(_in_own_process(SMALL, seed), _in_own_process(LARGE, seed)) for _ in range(_ROUNDS)]
    small_s, large_s = (median(run[which].seconds for run in runs) for which in (0, 1))
    small, large = (make_world(payments=size, seed=seed) for size in (SMALL, LARGE))
    judgement = judge(large, runs[0][1].matched)
    figures = EngineFigures(
        payments=LARGE,
        lines=len(large.said),
        match_s=large_s,
        match_small_s=small_s,
        growth=(large_s / len(large.said)) / (small_s / len(small.said)),
        peak_rss_mb=max(run[1].peak_rss_mb for run in runs),
        precision_percent=100 * judgement.precision,
        recall_percent=100 * judgement.recall,
    )
    return figures, judgement


def lines_of(world: World) -> list[OpenLine]:
    """Return a world's lines as an import leaves them."""
    return [
        OpenLine(
            id=said.id,
            amount=said.amount,
            currency=CURRENCY,
            booked_on=said.booked_on,
            end_to_end_id=said.end_to_end_id,
            batch_ref=said.batch_ref,
            is_bank_charge=said.is_bank_charge,
            reference_keys=tuple(extract_keys(said.end_to_end_id, said.text)),
        )
        for said in world.said
    ]


def expectations_of(world: World) -> list[OpenExpectation]:
    """Return what a world's payments have the books expect."""
    return [
        OpenExpectation(
            id=paid.n,
            kind=paid.kind,
            amount=paid.amount,
            currency=CURRENCY,
            occurred_on=paid.occurred_on,
            provider_ref=paid.provider_ref,
            reference_key=reference_key(paid.reference),
            batch_ref=paid.batch_ref,
        )
        for paid in world.paid
    ]


def matched_by(outcome: Outcome) -> Matched:
    """Return what was matched, to be judged."""
    return {
        match.line_id: tuple(
            (part.expectation_id, part.amount)
            for part in match.parts
            if part.expectation_id is not None
        )
        for match in outcome.matches
    }


def _in_own_process(payments: int, seed: int) -> Measured:
    module = (sys.executable, "-m", "benchmarks.reconciliation_engine", str(payments), str(seed))
    told = subprocess.run(module, check=True, stdout=subprocess.PIPE).stdout
    seconds, peak_rss_mb, matched = json.loads(told)
    return Measured(seconds, peak_rss_mb, {id_: tuple(map(tuple, parts)) for id_, parts in matched})


def main() -> None:
    """Match one world, and print the seconds, the peak of memory in MB, and what was matched."""
    world = make_world(payments=int(sys.argv[1]), seed=int(sys.argv[2]))
    lines, waiting = lines_of(world), expectations_of(world)
    del world
    begun = time.process_time()
    outcome = match_lines(lines, waiting, Policy())
    seconds = time.process_time() - begun
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    json.dump([seconds, peak_kb / 1024, list(matched_by(outcome).items())], sys.stdout)


if __name__ == "__main__":
    main()
