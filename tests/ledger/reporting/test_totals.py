"""The daily totals beside those who write and read: never ahead, never counted twice."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, create_engine

from ledger import (
    AccountSpec,
    Entry,
    Posting,
    broken_invariants,
    open_accounts,
    post,
    roll_accounts,
    roll_totals,
)
from ledger.reporting import Scope, TrialBalanceRow, fix_as_of, trial_balance
from ledger.reporting.totals import is_subsidiary
from tests.conditions import wait_until

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
_WAITS = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
      AND relation = 'ledger.daily_totals'::regclass
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


def write(engine: Engine, *, count: int) -> list[int]:
    with engine.begin() as connection:
        cash, owed = open_accounts(
            connection,
            [AccountSpec("assets:till", "USD", "deferred"), AccountSpec("liabilities:one", "USD")],
        ).values()
        for number in range(count):
            postings = [Posting(cash, 7), Posting(owed, -7)]
            post(connection, Entry(f"totals:{number}", "test", NOON, postings))
    return [cash, owed]


def show(engine: Engine) -> list[TrialBalanceRow]:
    fixed = fix_as_of(engine, None, now=NOON)
    with engine.begin() as connection:
        return list(trial_balance(connection, Scope(as_of=fixed.as_of)))


def is_totaled_to(engine: Engine, entry: int) -> bool:
    roll_accounts(engine)
    roll_totals(engine)
    with engine.begin() as connection:
        totaled = "SELECT totaled_to FROM ledger.daily_totals_cursor"
        return bool(connection.exec_driver_sql(totaled).scalar() == entry)


def settle(engine: Engine) -> None:
    for _ in range(2):
        roll_accounts(engine)


def test_what_the_roller_takes_over_while_a_report_is_read_is_counted_once(
    fresh_engine: Engine, fresh_database_url: str
) -> None:
    write(fresh_engine, count=3)
    settle(fresh_engine)
    owner = create_engine(fresh_database_url)
    with owner.connect() as roller, roller.begin(), ThreadPoolExecutor(1) as threads:
        # The report has read how far the totals go by the time it wants to read them.
        roller.exec_driver_sql("LOCK TABLE ledger.daily_totals IN ACCESS EXCLUSIVE MODE")
        with fresh_engine.begin() as connection:
            as_of = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()

        def read() -> list[TrialBalanceRow]:
            with fresh_engine.begin() as connection:
                return list(trial_balance(connection, Scope(as_of=as_of)))

        reading = threads.submit(read)
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
            wait_until(lambda: bool(watcher.exec_driver_sql(_WAITS).scalar_one()))
        rolls = "SELECT ledger.roll_totals(100)"  # not past what anybody else has begun
        wait_until(lambda: roller.exec_driver_sql(rolls).scalar() == 3)
        roller.commit()
        rows = reading.result()
    owner.dispose()
    assert [(row.debit, row.credit) for row in rows] == [(21, 0), (0, 21)]
    assert show(fresh_engine) == rows


def test_totals_do_not_pass_an_entry_that_is_not_there_yet(fresh_engine: Engine) -> None:
    cash, owed = write(fresh_engine, count=1)
    with fresh_engine.connect() as writer:
        post(writer, Entry("totals:late", "test", NOON, [Posting(cash, 1), Posting(owed, -1)]))
        with fresh_engine.begin() as connection:
            [other] = open_accounts(
                connection, [AccountSpec("liabilities:two", "USD", "deferred")]
            ).values()
            entry = Entry("totals:next", "test", NOON, [Posting(cash, 5), Posting(other, -5)])
            post(connection, entry)
        settle(fresh_engine)
        assert roll_totals(fresh_engine) <= 1
        writer.commit()
    wait_until(lambda: is_totaled_to(fresh_engine, 3))  # others' transactions may hold it up
    assert roll_totals(fresh_engine) == 0
    assert [row.closing for row in show(fresh_engine)] == [13, -8, -5]
    with fresh_engine.begin() as connection:
        assert broken_invariants(connection) == []


def test_python_and_the_database_agree_on_what_a_subsidiary_account_is(
    fresh_engine: Engine,
) -> None:
    last = {
        "ord_01ARZ3NDEKTSV4RRFFQ69G5FAV": True,
        "0x52908400098527886E0F7030069857D2E4169EE7": True,
        "ord_01ARZ3NDEKTSV4RRFFQ69G5FA": False,
        "ORD_01ARZ3NDEKTSV4RRFFQ69G5FAV": False,
        "orders_01ARZ3NDEKTSV4RRFFQ69G5FAV": False,
        "0x52908400098527886E0F7030069857D2E4169E": False,
        "main": False,
    }
    paths = {f"assets:x:{name}": single for name, single in last.items()}
    with fresh_engine.begin() as connection:
        open_accounts(connection, [AccountSpec(path, "USD") for path in paths])
        query = "SELECT path, control <> path FROM ledger.accounts"
        assert dict(connection.exec_driver_sql(query).all()) == paths
    assert {path: is_subsidiary(path) for path in paths} == paths
