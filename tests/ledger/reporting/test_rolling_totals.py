"""Totals take over every entry once: none too early, none twice, whoever else rolls or breaks off.

That they are the sums of their postings is an invariant (ledger/invariants.py).
"""

import contextlib
import datetime as dt
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, event

from ledger import (
    AccountSpec,
    Entry,
    Posted,
    Posting,
    broken_invariants,
    open_accounts,
    post,
    roll_accounts,
    roll_totals,
    rolling,
)
from ledger.reporting import Scope, trial_balance
from tests.conditions import is_lock_waited_for, wait_until

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
FOR_EVER = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
_numbers = itertools.count(1)


@pytest.fixture
def accounts(fresh_engine: Engine) -> tuple[int, int]:
    specs = [AccountSpec(path, "USD", "deferred") for path in ("assets:till", "equity:one")]
    with fresh_engine.begin() as connection:
        till, one = open_accounts(connection, specs).values()
    return till, one


@pytest.fixture
def writer(fresh_engine: Engine) -> Iterator[Connection]:
    with fresh_engine.connect() as connection, connection.begin():
        yield connection


def write(connection: Connection, accounts: tuple[int, int], amount: int = 1) -> Posted:
    lines = [Posting(accounts[0], amount), Posting(accounts[1], -amount)]
    return post(connection, Entry(f"rolled:{next(_numbers)}", "test", NOON, lines))


def settle(engine: Engine) -> None:
    """Have the watermark move past every entry; transactions of other databases hold it up too."""

    def is_settled() -> bool:
        with engine.begin() as connection:
            upto = rolling.advance_watermark(connection)
            newest = connection.exec_driver_sql("SELECT max(id) FROM ledger.entries").scalar_one()
        return bool(upto >= newest)

    wait_until(is_settled)


def check(engine: Engine, amount: int) -> None:
    """Require the totals to be the sums of their postings, and the trial balance to have all."""
    with engine.connect() as connection:
        assert broken_invariants(connection) == []
        for detail in ("control", "account"):
            rows = trial_balance(connection, Scope(as_of=FOR_EVER), detail=detail)
            assert {row.account: row.closing for row in rows} == {
                "assets:till": amount,
                "equity:one": -amount,
            }


def test_what_is_not_settled_is_not_taken_over(
    fresh_engine: Engine, writer: Connection, accounts: tuple[int, int]
) -> None:
    """An entry that is still being written has a lower number than one that is committed."""
    early = write(writer, accounts, 7)
    with fresh_engine.begin() as connection:
        late = write(connection, accounts, 11)
    assert early.entry_id < late.entry_id
    for _ in range(2):
        roll_accounts(fresh_engine)  # which has the watermark move on as far as it can
    assert roll_totals(fresh_engine) == 0
    writer.commit()
    check(fresh_engine, 18)
    settle(fresh_engine)
    assert roll_totals(fresh_engine) == 2
    check(fresh_engine, 18)


@pytest.mark.parametrize("first_succeeds", [True, False])
def test_of_two_rollers_one_takes_an_entry_over(
    fresh_engine: Engine, accounts: tuple[int, int], *, first_succeeds: bool
) -> None:
    with fresh_engine.begin() as connection:
        for _ in range(3):
            write(connection, accounts)
    settle(fresh_engine)
    with fresh_engine.connect() as first, ThreadPoolExecutor(1) as threads:
        begun = first.begin()
        assert first.exec_driver_sql("SELECT ledger.roll_totals(1000)").scalar_one() == 3
        second = threads.submit(roll_totals, fresh_engine)
        wait_until(lambda: second.done() or is_lock_waited_for(fresh_engine))
        begun.commit() if first_succeeds else begun.rollback()
        assert second.result() == (0 if first_succeeds else 3)
    check(fresh_engine, 3)


def test_broken_off_between_any_two_transactions_it_goes_on_where_it_was(
    fresh_engine: Engine, accounts: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "ENTRIES_AT_A_TIME", 2)
    for last in range(4):
        with fresh_engine.begin() as connection:
            for _ in range(5):
                write(connection, accounts)
        settle(fresh_engine)
        with broken_off(fresh_engine, after=last), contextlib.suppress(ConnectionError):
            roll_totals(fresh_engine)
        while roll_totals(fresh_engine):
            pass
        check(fresh_engine, 5 * (last + 1))


@contextlib.contextmanager
def broken_off(engine: Engine, *, after: int) -> Iterator[None]:
    """Have every transaction fail to begin after so many that did."""
    begun = itertools.count()

    def begin(_connection: Connection) -> None:
        if next(begun) >= after:
            raise ConnectionError

    event.listen(engine, "begin", begin)
    try:
        yield
    finally:
        event.remove(engine, "begin", begin)
