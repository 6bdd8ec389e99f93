"""Balances at any moment, against the plain sum of the postings."""

import datetime as dt
import random

import pytest
from sqlalchemy import Engine

from ledger import (
    AccountSpec,
    Entry,
    Posting,
    balance,
    balance_at,
    broken_invariants,
    open_accounts,
    post_batch,
    roll_accounts,
    trial_balance,
)
from ledger.errors import UnknownAccountError
from tests.conditions import wait_until
from tests.ledger.conftest import NOON, Books

DAY = dt.timedelta(days=1)


def plain_sum(engine: Engine, account_id: int, axis: str, at: dt.datetime) -> int:
    query = (
        "SELECT coalesce(sum(amount), 0) FROM ledger.postings"
        f" WHERE account_id = %s AND {axis}_at <= %s"
    )
    with engine.begin() as connection:
        return int(connection.exec_driver_sql(query, (account_id, at)).scalar_one())


def rolled(engine: Engine, account_id: int) -> int:
    """Roll, and return how many postings of an account have been; it is done when all are.

    Deferred postings are ready when every transaction that was open at their commit has ended,
    those of other databases on the same server among them.
    """
    roll_accounts(engine, least=1)
    query = (
        "SELECT coalesce(sum(posting_count), 0) FROM ledger.roll_ranges"
        " WHERE account_id = %s AND axis = 'occurred'"
    )
    with engine.begin() as connection:
        return int(connection.exec_driver_sql(query, (account_id,)).scalar_one())


def test_balances_at_any_moment_equal_the_sum_of_history(fresh_engine: Engine) -> None:
    rng = random.Random(20_261_015)
    with fresh_engine.begin() as connection:
        hot, strict = open_accounts(
            connection,
            [AccountSpec("assets:hot", "USD", "deferred"), AccountSpec("liabilities:one", "USD")],
        ).values()
    recorded: list[dt.datetime] = []
    for batch in range(8):
        entries = []
        for n in range(200):
            amount = rng.randint(1, 9)
            # Mostly in order, some back-dated and some dated ahead.
            at = NOON + batch * DAY + rng.choice([0, 0, 0, 0, -5, 2]) * DAY * rng.random()
            postings = [Posting(hot, amount), Posting(strict, -amount)]
            entries.append(Entry(f"b:{batch}:{n}", "test", at, postings))
        with fresh_engine.begin() as connection:
            post_batch(connection, entries)
            now = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        recorded.append(now)
        if batch in (2, 3, 6):
            roll_accounts(fresh_engine, least=1)
            roll_accounts(fresh_engine, least=1)

    moments = [NOON + DAY * rng.uniform(-6, 11) for _ in range(40)]
    for account in (hot, strict):
        for axis, times in (("occurred", moments), ("recorded", recorded)):
            for at in times:
                with fresh_engine.begin() as connection:
                    found = balance_at(connection, account, at, axis=axis)  # type: ignore[arg-type] # both axes
                assert found == plain_sum(fresh_engine, account, axis, at)
    with fresh_engine.begin() as connection:
        assert broken_invariants(connection) == []
        query = "SELECT count(*) FROM ledger.roll_ranges"
        assert connection.exec_driver_sql(query).scalar_one() > 99


def test_rolling_changes_no_balance(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        hot, strict = open_accounts(
            connection,
            [AccountSpec("assets:hot", "USD", "deferred"), AccountSpec("liabilities:one", "USD")],
        ).values()
        post_batch(
            connection,
            [
                Entry(f"r:{n}", "test", NOON, [Posting(hot, 3), Posting(strict, -3)])
                for n in range(6000)
            ],
        )
        before = balance(connection, hot)

    wait_until(lambda: rolled(fresh_engine, hot) == 6000)

    with fresh_engine.begin() as connection:
        assert balance(connection, hot) == before == 18_000
        query = "SELECT max(posting_count) FROM ledger.roll_ranges WHERE account_id = %s"
        assert connection.exec_driver_sql(query, (hot,)).scalar_one() == 2000
        assert broken_invariants(connection) == []


def test_the_roller_waits_for_transactions_that_may_still_commit(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        hot, other = open_accounts(
            connection,
            [
                AccountSpec("assets:hot", "USD", "deferred"),
                AccountSpec("assets:x", "USD", "deferred"),
            ],
        ).values()

    def entry(key: str) -> Entry:
        return Entry(key, "test", NOON, [Posting(hot, 1), Posting(other, -1)])

    with fresh_engine.connect() as slow, slow.begin():
        post_batch(slow, [entry("slow")])  # takes the lower id and commits last
        with fresh_engine.begin() as connection:
            post_batch(connection, [entry("quick")])
        assert [roll_accounts(fresh_engine, least=1) for _ in range(4)] == [0, 0, 0, 0]

    wait_until(lambda: rolled(fresh_engine, hot) == 2)

    with fresh_engine.begin() as connection:
        assert balance(connection, hot) == 2
        assert broken_invariants(connection) == []


def test_few_postings_are_not_worth_rolling(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        one, two = open_accounts(
            connection,
            [AccountSpec("assets:one", "USD"), AccountSpec("assets:two", "USD", "deferred")],
        ).values()
        post_batch(
            connection,
            [
                Entry(f"f:{n}", "test", NOON, [Posting(one, 1), Posting(two, -1)])
                for n in range(999)
            ],
        )

    assert [roll_accounts(fresh_engine) for _ in range(3)] == [0, 0, 0]


def test_the_trial_balance_is_zero_in_every_asset(books: Books) -> None:
    cash, owed = books.open("assets:till", deferred=True), books.open("liabilities:escrow:1")
    euros, fees = books.open("assets:bank", "EUR"), books.open("income:fees", "EUR")
    post_batch(
        books.connection, [books.entry((cash, 5), (owed, -5)), books.entry((euros, 7), (fees, -7))]
    )

    totals: dict[str, int] = {}
    for line in trial_balance(books.connection):
        totals[line.asset.code] = totals.get(line.asset.code, 0) + line.balance

    assert set(totals.values()) == {0}
    assert {"USD", "EUR"} <= totals.keys()


def test_an_unknown_account_has_no_balance(books: Books) -> None:
    with pytest.raises(UnknownAccountError):
        balance(books.connection, 2**62)
    with pytest.raises(UnknownAccountError):
        balance_at(books.connection, 2**62, NOON)
