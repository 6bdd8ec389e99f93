"""Batches of 500 entries on one connection, in turn with the bare floor."""

import datetime as dt
import random
import time
from collections.abc import Callable
from statistics import median

from sqlalchemy import Connection, Engine

from benchmarks.books import Books
from benchmarks.floor import post_floor
from benchmarks.report import Row
from ledger import Entry, Posted, Posting, post_batch

SIZE = 500
WARM_UP = 20
Draw = Callable[[], tuple[int, int]]


def batch_rows(engine: Engine, books: Books, *, seconds: float) -> list[Row]:
    """Measure the hot and the uniform case; each with the floor, a batch of each in turn."""
    with engine.connect() as connection:
        hot = _paired(connection, books, books.draw_hot, books.draw_floor_hot, seconds=seconds)
        uniform = _paired(
            connection, books, books.draw_uniform, books.draw_floor_uniform, seconds=seconds
        )
    return [
        Row("batches of 500, all through one hot account", *hot, aim=35_000, least=24_000),
        Row(
            "batches of 500, uniform over 10,000 strict accounts",
            *uniform,
            aim=28_000,
            least=20_000,
        ),
    ]


def _paired(
    connection: Connection, books: Books, draw: Draw, draw_floor: Draw, *, seconds: float
) -> tuple[float, float]:
    """Return entries a second of the ledger and of the floor, by the median batch of each."""
    ours: list[float] = []
    floor: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline or len(ours) < WARM_UP * 2:
        if random.random() < 0.5:  # which of the two goes first
            floor.append(_time_floor(connection, books, draw_floor))
            ours.append(_time_ledger(connection, books, draw))
        else:
            ours.append(_time_ledger(connection, books, draw))
            floor.append(_time_floor(connection, books, draw_floor))
    return SIZE / median(ours[WARM_UP:]), SIZE / median(floor[WARM_UP:])


def _time_ledger(connection: Connection, books: Books, draw: Draw) -> float:
    """Return the seconds from having the entries as objects to having them on disk."""
    now = dt.datetime.now(dt.UTC)
    entries = [
        Entry(books.next_key(), "card.charged", now, [Posting(debit, 100), Posting(credit, -100)])
        for debit, credit in (draw() for _ in range(SIZE))
    ]
    begun = time.perf_counter()
    results = post_batch(connection, entries)
    connection.commit()
    spent = time.perf_counter() - begun
    assert all(isinstance(result, Posted) and not result.replayed for result in results)
    return spent


def _time_floor(connection: Connection, books: Books, draw: Draw) -> float:
    keys = [books.next_key() for _ in range(SIZE)]
    moves = [draw() for _ in range(SIZE)]
    begun = time.perf_counter()
    post_floor(connection, keys, moves)
    connection.commit()
    return time.perf_counter() - begun
