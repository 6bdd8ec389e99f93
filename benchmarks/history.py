"""What ten million postings change: old balances read, and entries posted beside a small ledger."""

import datetime as dt
import random
import time
from collections.abc import Iterator
from statistics import median

from rich.progress import track
from sqlalchemy import Engine

from benchmarks.books import Books
from benchmarks.report import Figure
from ledger import AccountSpec, Entry, Posting, balance_at, open_accounts, post_batch, roll_accounts
from ledger.balances import Axis

SMALL, LARGE = 100_000, 10_000_000  # postings
LOAD_BATCH = 5_000
ROLL_EVERY = 40  # batches: the roller's job runs every few seconds
YEAR = dt.timedelta(days=365)
BEGIN = dt.datetime(2025, 10, 1, tzinfo=dt.UTC)
SIZE = 500
READS = 200


def fill(engine: Engine, books: Books, *, postings: int) -> None:
    """Post entries dated over a year, 1 % of them late by up to 30 days, rolling as they come.

    Four in five touch the hot account, one in five a busy strict one.
    """
    with engine.begin() as connection:
        [busy] = open_accounts(connection, [AccountSpec("liabilities:seller:busy", "USD")]).values()
    entries = postings // 2
    batches = entries // LOAD_BATCH
    for batch in track(range(batches), description=f"posting {postings:,} postings"):
        with engine.begin() as connection:
            post_batch(connection, list(_dated(books, busy, batch, batches)))
        if batch % ROLL_EVERY == 0:
            roll_accounts(engine)
    for _ in range(3):
        roll_accounts(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT 1")


def _dated(books: Books, busy: int, batch: int, batches: int) -> Iterator[Entry]:
    for n in range(LOAD_BATCH):
        at = BEGIN + YEAR * ((batch + n / LOAD_BATCH) / batches)
        if random.random() < 0.01:
            at -= dt.timedelta(days=30) * random.random()
        debit, credit = books.draw_hot()
        if n % 5 == 0:
            debit = busy
        yield Entry(
            books.next_key(), "card.charged", at, [Posting(debit, 100), Posting(credit, -100)]
        )


def balance_figures(engine: Engine, books: Books) -> list[Figure]:
    """Time balances at random moments: checked against the sum of history, then timed."""
    with engine.begin() as connection:
        [busy] = open_accounts(connection, [AccountSpec("liabilities:seller:busy", "USD")]).values()
        span = connection.exec_driver_sql(
            "SELECT min(recorded_at), max(recorded_at) FROM ledger.postings WHERE account_id = %s",
            (busy,),
        ).one()
    accounts = {"hot deferred": books.hot, "busy strict": busy, "one of 10,000": books.sellers[7]}
    figures = []
    for name, account_id in accounts.items():
        axes: dict[Axis, tuple[dt.datetime, dt.timedelta]] = {
            "occurred": (BEGIN, YEAR),
            "recorded": (span[0], span[1] - span[0]),
        }
        for axis, (begin, length) in axes.items():
            moments = [begin + length * random.random() for _ in range(READS)]
            _check(engine, account_id, axis, moments[0])
            spent = median(_time(engine, account_id, axis, at) for at in moments)
            case = f"balance at a past moment, {axis}, {name}"
            figures.append(Figure(case, spent * 1000, "ms", aim=1, least=5))
    return figures


def _time(engine: Engine, account_id: int, axis: Axis, at: dt.datetime) -> float:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        begun = time.perf_counter()
        balance_at(connection, account_id, at, axis=axis)
        return time.perf_counter() - begun


def _check(engine: Engine, account_id: int, axis: Axis, at: dt.datetime) -> None:
    with engine.begin() as connection:
        total = connection.exec_driver_sql(
            "SELECT coalesce(sum(amount), 0) FROM ledger.postings"
            f" WHERE account_id = %s AND {axis}_at <= %s",
            (account_id, at),
        ).scalar_one()
        found = balance_at(connection, account_id, at, axis=axis)
        assert found == int(total)


def growth_figures(
    small: tuple[Engine, Books], large: tuple[Engine, Books], *, seconds: float
) -> list[Figure]:
    """Time the same batch in the small and in the large ledger, in turn."""
    figures = []
    for name in ("hot", "uniform"):
        spent: dict[int, list[float]] = {0: [], 1: []}
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            for place in random.sample((0, 1), 2):
                spent[place].append(_time_batch(*(small, large)[place], name))
        ratio = median(spent[1][20:]) / median(spent[0][20:])
        case = f"cost of an entry at {LARGE:,} postings against {SMALL:,}, {name}"
        figures.append(Figure(case, ratio, "x", aim=1.05, least=1.2))
    return figures


def _time_batch(engine: Engine, books: Books, name: str) -> float:
    draw = books.draw_hot if name == "hot" else books.draw_uniform
    now = dt.datetime.now(dt.UTC)
    entries = [
        Entry(books.next_key(), "card.charged", now, [Posting(debit, 1), Posting(credit, -1)])
        for debit, credit in (draw() for _ in range(SIZE))
    ]
    with engine.connect() as connection:
        begun = time.perf_counter()
        post_batch(connection, entries)
        connection.commit()
        return time.perf_counter() - begun
