"""Single entries from many concurrent callers: gathered, one by one, and the bare floor."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from statistics import median

from sqlalchemy import Engine

from benchmarks.books import Books
from benchmarks.floor import post_floor
from benchmarks.report import Row
from ledger import Entry, Gatherer, Posting, post

ROUNDS = 3
Draw = Callable[[], tuple[int, int]]
Work = Callable[[], object]


def single_rows(engine: Engine, books: Books, *, seconds: float) -> list[Row]:
    """Measure 32 callers on one hot account and 8 on strict ones; the kinds in turn."""
    with Gatherer(engine) as gatherer:
        hot = _kinds(engine, books, gatherer, books.draw_hot, books.draw_floor_hot)
        hot_rates = _rates(hot, callers=32, seconds=seconds)
        uniform = _kinds(engine, books, gatherer, books.draw_uniform, books.draw_floor_uniform)
        uniform_rates = _rates(uniform, callers=8, seconds=seconds)
    cases = [("32 callers, one hot deferred account", hot_rates, 10_000, 2_300)]
    cases.append(("8 callers, uniform strict accounts", uniform_rates, 5_000, 2_500))
    return [
        Row(f"single entries, {case}, {kind}", rates[kind], rates["floor"], aim=aim, least=least)
        for case, rates, aim, least in cases
        for kind in ("gathered", "one by one")
    ]


def _kinds(
    engine: Engine, books: Books, gatherer: Gatherer, draw: Draw, draw_floor: Draw
) -> dict[str, Work]:
    def entry() -> Entry:
        debit, credit = draw()
        now = dt.datetime.now(dt.UTC)
        postings = [Posting(debit, 100), Posting(credit, -100)]
        return Entry(books.next_key(), "card.charged", now, postings)

    def one_by_one() -> None:
        with engine.begin() as connection:
            post(connection, entry())

    def floor() -> None:
        with engine.begin() as connection:
            post_floor(connection, [books.next_key()], [draw_floor()])

    return {
        "gathered": lambda: gatherer.post(entry()),
        "one by one": one_by_one,
        "floor": floor,
    }


def _rates(kinds: dict[str, Work], *, callers: int, seconds: float) -> dict[str, float]:
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind, work in kinds.items():
            rates[kind].append(_rate(work, callers=callers, seconds=seconds / ROUNDS))
    return {kind: median(found) for kind, found in rates.items()}


def _rate(work: Work, *, callers: int, seconds: float) -> float:
    counts = [0] * callers
    start = threading.Barrier(callers + 1)

    def call(caller: int) -> None:
        start.wait()
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            work()
            counts[caller] += 1

    threads = [threading.Thread(target=call, args=(caller,)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begun)
