"""Entries of many threads in shared commits: each caller hears of their own."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from ledger import (
    AccountSpec,
    Entry,
    Gatherer,
    Posting,
    balance,
    broken_invariants,
    open_accounts,
)
from ledger.errors import UnbalancedError
from tests.ledger.conftest import NOON


def test_every_caller_hears_of_their_own_entry(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        cash, owed = open_accounts(
            connection,
            [AccountSpec("assets:till", "USD", "deferred"), AccountSpec("liabilities:one", "USD")],
        ).values()

    def call(caller: int) -> list[bool]:
        heard = []
        for n in range(40):
            key = f"g:{n if n % 10 == 0 else caller}:{n}"  # every tenth is everybody's
            off = 1 if n == 7 else 0
            postings = [Posting(cash, 1), Posting(owed, -1 - off)]
            entry = Entry(key, "test", NOON, postings)
            if off:
                with pytest.raises(UnbalancedError):
                    gatherer.post(entry)
            else:
                heard.append(not gatherer.post(entry).replayed)
        return heard

    with Gatherer(fresh_engine) as gatherer, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(call, range(16)))

    assert {len(heard) for heard in answers} == {39}
    fresh = sum(sum(heard) for heard in answers)
    assert fresh == 16 * 35 + 4
    with fresh_engine.begin() as connection:
        assert balance(connection, cash) == fresh
        assert broken_invariants(connection) == []


def test_an_unreachable_database_is_every_callers_news() -> None:
    nowhere = create_engine("postgresql://nobody@127.0.0.1:1/nothing")
    entry = Entry("k", "test", NOON, [Posting(1, 1), Posting(2, -1)])

    with Gatherer(nowhere) as gatherer, pytest.raises(OperationalError):
        gatherer.post(entry)
