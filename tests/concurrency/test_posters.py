"""Many posters at once: clashing keys, opposite orders, bad entries, a roller and a closer."""

import datetime as dt
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine

from ledger import (
    AccountSpec,
    Entry,
    Posted,
    Posting,
    Refused,
    available,
    balance,
    broken_invariants,
    capture_hold,
    close_books,
    open_accounts,
    place_hold,
    post,
    post_batch,
    reverse,
    roll_accounts,
    seal,
)
from ledger.errors import LedgerError

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
CALLERS = 8


def open_numbered(engine: Engine, count: int, floor: int | None = None) -> list[int]:
    specs = [AccountSpec(f"liabilities:seller:{n}", "USD", floor=floor) for n in range(count)]
    with engine.begin() as connection:
        return list(open_accounts(connection, specs).values())


_Answer = TypeVar("_Answer")


def all_at_once(work: Callable[[int], _Answer]) -> list[_Answer]:
    start = threading.Barrier(CALLERS)

    def run(caller: int) -> _Answer:
        start.wait()
        return work(caller)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(run, range(CALLERS)))


def assert_whole(engine: Engine) -> None:
    with engine.begin() as connection:
        assert broken_invariants(connection) == []


def test_clashing_batches_post_each_effect_once_and_never_deadlock(fresh_engine: Engine) -> None:
    accounts = open_numbered(fresh_engine, 40)
    with fresh_engine.begin() as connection:
        [hot] = open_accounts(connection, [AccountSpec("assets:hot", "USD", "deferred")]).values()
    stop = threading.Event()
    acknowledged: dict[str, set[int]] = {}
    lock = threading.Lock()

    def draw(number: int) -> Entry:
        """The same entry for everybody: number 17 is always the same, some are always wrong."""
        rng = random.Random(number)
        first, second = rng.sample([*accounts, hot], 2)
        amount = rng.randint(1, 100)
        off = 1 if rng.random() < 0.01 else 0
        postings = [Posting(first, amount + off), Posting(second, -amount)]
        return Entry(f"clash:{number:06d}", "test", NOON + number * dt.timedelta(hours=1), postings)

    def poster(caller: int) -> None:
        rng = random.Random(1000 + caller)
        for _ in range(25):
            batch = [draw(rng.randrange(2000)) for _ in range(40)]  # in no order, with repeats
            with fresh_engine.begin() as connection:
                results = post_batch(connection, batch)
            with lock:
                for entry, result in zip(batch, results, strict=True):
                    if isinstance(result, Posted):
                        acknowledged.setdefault(entry.effect_key, set()).add(result.entry_id)

    def busy_work(_: int) -> None:
        closed = 0
        while not stop.is_set():
            roll_accounts(fresh_engine, least=5)
            seal(fresh_engine, block_entries=50)
            closed += 2
            with fresh_engine.begin() as connection:
                close_books(connection, NOON + closed * dt.timedelta(hours=1))

    with ThreadPoolExecutor(1) as background:
        working = background.submit(busy_work, 0)
        try:
            all_at_once(poster)
        finally:
            stop.set()
        working.result()

    assert len(acknowledged) > 1000
    assert all(len(ids) == 1 for ids in acknowledged.values())
    with fresh_engine.begin() as connection:
        query = "SELECT effect_key, id FROM ledger.entries"
        stored = {row.effect_key: {row.id} for row in connection.exec_driver_sql(query)}
    assert stored == acknowledged
    assert_whole(fresh_engine)


def test_callers_in_opposite_orders_never_deadlock(fresh_engine: Engine) -> None:
    accounts = open_numbered(fresh_engine, 6)

    def transfer(caller: int) -> int:
        done = 0
        for n in range(60):
            order = accounts if (caller + n) % 2 else accounts[::-1]
            postings = [Posting(account, 1) for account in order[:-1]]
            postings.append(Posting(order[-1], -len(order) + 1))
            with fresh_engine.begin() as connection:
                post(connection, Entry(f"o:{caller}:{n}", "test", NOON, postings))
            done += 1
        return done

    assert all_at_once(transfer) == [60] * CALLERS
    assert_whole(fresh_engine)


def test_racing_callers_spend_no_more_than_there_is(fresh_engine: Engine) -> None:
    [seller] = open_numbered(fresh_engine, 1)
    with fresh_engine.begin() as connection:
        cash, escrow = open_accounts(
            connection,
            [
                AccountSpec("assets:till", "USD", "deferred"),
                AccountSpec("liabilities:escrow:1", "USD", floor=0),
            ],
        ).values()
        post(connection, Entry("fund", "test", NOON, [Posting(cash, 100), Posting(escrow, -100)]))

    def release(caller: int) -> int:
        released = 0
        for n in range(20):
            entry = Entry(
                f"r:{caller}:{n}", "test", NOON, [Posting(escrow, 3), Posting(seller, -3)]
            )
            with fresh_engine.begin() as connection:
                [result] = post_batch(connection, [entry])
            released += isinstance(result, Posted)
        return released

    assert sum(all_at_once(release)) == 33
    with fresh_engine.begin() as connection:
        assert (balance(connection, seller), available(connection, escrow)) == (-99, 1)
    assert_whole(fresh_engine)


def test_the_same_effect_raced_is_written_once(fresh_engine: Engine) -> None:
    first, second = open_numbered(fresh_engine, 2)

    def race(_: int) -> list[Posted]:
        entries = [
            Entry(f"e:{n}", "test", NOON, [Posting(first, 1), Posting(second, -1)])
            for n in range(50)
        ]
        results: list[Posted] = []
        for entry in entries:
            with fresh_engine.begin() as connection:
                results.append(post(connection, entry))
        return results

    answers = all_at_once(race)

    assert sum(not result.replayed for answer in answers for result in answer) == 50
    with fresh_engine.begin() as connection:
        assert balance(connection, first) == 50
    assert_whole(fresh_engine)


def test_a_hold_raced_by_captures_is_captured_once(fresh_engine: Engine) -> None:
    [seller] = open_numbered(fresh_engine, 1)
    with fresh_engine.begin() as connection:
        cash, escrow = open_accounts(
            connection,
            [
                AccountSpec("assets:till", "USD", "deferred"),
                AccountSpec("liabilities:escrow:1", "USD", floor=0),
            ],
        ).values()
        post(connection, Entry("fund", "test", NOON, [Posting(cash, 100), Posting(escrow, -100)]))
        hold = place_hold(connection, effect_key="h", account_id=escrow, amount=80, now=NOON)

    def capture(caller: int) -> bool:
        entry = Entry(f"c:{caller % 4}", "test", NOON, [Posting(escrow, 30), Posting(seller, -30)])
        try:
            with fresh_engine.begin() as connection:
                return not capture_hold(connection, hold.id, entry, amount=30, now=NOON).replayed
        except LedgerError:
            return False

    assert sum(all_at_once(capture)) == 2  # 80 held: twice 30, not three times
    with fresh_engine.begin() as connection:
        assert balance(connection, seller) == -60
    assert_whole(fresh_engine)


def test_an_entry_raced_by_reversals_is_reversed_once(fresh_engine: Engine) -> None:
    first, second = open_numbered(fresh_engine, 2)
    with fresh_engine.begin() as connection:
        wrong = post(connection, Entry("e", "test", NOON, [Posting(first, 9), Posting(second, -9)]))

    def undo(caller: int) -> bool:
        at = NOON + caller * dt.timedelta(seconds=1)
        try:
            with fresh_engine.begin() as connection:
                return not reverse(
                    connection, wrong.entry_id, occurred_at=at, description=""
                ).replayed
        except LedgerError:
            return False

    assert sum(all_at_once(undo)) == 1
    with fresh_engine.begin() as connection:
        assert balance(connection, first) == 0
    assert_whole(fresh_engine)


def test_accounts_raced_into_being_are_opened_once(fresh_engine: Engine) -> None:
    names = [f"liabilities:escrow:{n}" for n in range(200)]

    def open_all(caller: int) -> dict[tuple[str, str], int]:
        order = names if caller % 2 else names[::-1]
        with fresh_engine.begin() as connection:
            return open_accounts(connection, [AccountSpec(name, "USD", floor=0) for name in order])

    assert len({str(sorted(found.items())) for found in all_at_once(open_all)}) == 1


def test_nothing_slips_into_a_period_while_it_is_closed(fresh_engine: Engine) -> None:
    first, second = open_numbered(fresh_engine, 2)

    def work(caller: int) -> int:
        if caller == 0:
            for n in range(40):
                with fresh_engine.begin() as connection:
                    close_books(connection, NOON + n * dt.timedelta(minutes=1))
            return 0
        refused = 0
        for n in range(60):
            at = NOON + (n - 5) * dt.timedelta(minutes=1)
            entry = Entry(f"p:{caller}:{n}", "test", at, [Posting(first, 1), Posting(second, -1)])
            with fresh_engine.begin() as connection:
                refused += isinstance(post_batch(connection, [entry])[0], Refused)
        return refused

    assert sum(all_at_once(work)) > 0
    assert_whole(fresh_engine)  # one invariant is: nothing was recorded into a closed period
