"""Single entries from many concurrent callers: gathered, one by one, and the bare floor.

Callers who post one by one are spread over processes, as web workers are; those who are gathered
are threads of one process, which is what a gatherer is for.
"""

import datetime as dt
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import Pool
from statistics import median
from typing import NamedTuple

from sqlalchemy import Engine

from benchmarks.books import Books
from benchmarks.floor import post_floor
from benchmarks.report import Row
from benchmarks.server import connect
from ledger import Entry, Gatherer, Posting, post

ROUNDS = 3
Work = Callable[[], object]
PROCESSES = 16
KINDS = ("gathered", "one by one", "floor")


class Load(NamedTuple):
    """What a process of callers does: `kind` is one of KINDS."""

    url: str
    kind: str
    hot: bool
    callers: int
    seconds: float


def single_rows(url: str, *, seconds: float) -> list[Row]:
    """Measure 32 callers on one hot account and 8 on strict ones; the kinds in turn."""
    rows = []
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        for case, hot, callers, aim, least in (
            ("32 callers, one hot deferred account", True, 32, 10_000, 2_300),
            ("8 callers, uniform strict accounts", False, 8, 5_000, 2_500),
        ):
            rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for _ in range(ROUNDS):
                for kind in KINDS:
                    load = Load(url, kind, hot, callers, seconds / ROUNDS)
                    rates[kind].append(_rate(pool, load))
            rows += [
                Row(
                    f"single entries, {case}, {kind}",
                    median(rates[kind]),
                    median(rates["floor"]),
                    aim=aim,
                    least=least,
                )
                for kind in KINDS[:-1]
            ]
    return rows


def _rate(pool: Pool, load: Load) -> float:
    processes = 1 if load.kind == "gathered" else min(load.callers, PROCESSES)
    shares = [load._replace(callers=load.callers // processes)] * processes
    return sum(pool.map(_call, shares, chunksize=1))


def _call(load: Load) -> float:
    """Let this process's share of the callers work; return its entries a second."""
    engine = connect(load.url, callers=load.callers)
    books = Books(engine)
    with Gatherer(engine) as gatherer:
        works = [_work(load, engine, books, gatherer) for _ in range(load.callers)]
        for work in works:
            work()
        rate = _run(works, load)
    engine.dispose()
    return rate


def _run(works: list[Work], load: Load) -> float:
    begun = time.perf_counter()

    def call(work: Work) -> int:
        count = 0
        while time.perf_counter() < begun + load.seconds:
            work()
            count += 1
        return count

    with ThreadPoolExecutor(load.callers) as pool:
        counts = list(pool.map(call, works))  # raises what a caller raised: no deadlock goes unseen
    return sum(counts) / (time.perf_counter() - begun)


def _work(load: Load, engine: Engine, books: Books, gatherer: Gatherer) -> Work:
    """Return what one caller does again and again, on a connection of its own."""
    draw = books.draw_hot if load.hot else books.draw_uniform
    draw_floor = books.draw_floor_hot if load.hot else books.draw_floor_uniform

    def entry() -> Entry:
        debit, credit = draw()
        now = dt.datetime.now(dt.UTC)
        postings = [Posting(debit, 100), Posting(credit, -100)]
        return Entry(books.next_key(), "card.charged", now, postings)

    if load.kind == "gathered":
        return lambda: gatherer.post(entry())
    connection = engine.execution_options(isolation_level="AUTOCOMMIT").connect()
    if load.kind == "one by one":
        return lambda: post(connection, entry())
    return lambda: post_floor(connection, [books.next_key()], [draw_floor()])
