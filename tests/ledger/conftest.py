"""Books to write in: a transaction of the application's role that is rolled back after the test."""

import datetime as dt
import itertools
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine

from ledger import AccountSpec, Entry, Posting, broken_invariants, open_accounts

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)


class Books:
    """A connection with a few accounts and short words for what tests do often."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._numbers = itertools.count(1)

    def open(
        self, path: str, asset: str = "USD", *, deferred: bool = False, floor: int | None = None
    ) -> int:
        spec = AccountSpec(path, asset, "deferred" if deferred else "strict", floor)
        return open_accounts(self.connection, [spec])[path, asset]

    def entry(
        self,
        *changes: tuple[int, int],
        key: str | None = None,
        kind: str = "test",
        at: dt.datetime = NOON,
    ) -> Entry:
        effect_key = key or f"test:{next(self._numbers):06d}"
        return Entry(
            effect_key, kind, at, [Posting(account, amount) for account, amount in changes]
        )


@pytest.fixture
def books(engine: Engine) -> Iterator[Books]:
    with engine.connect() as connection:
        transaction = connection.begin()
        yield Books(connection)
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        if driver.info.transaction_status is TransactionStatus.INTRANS:  # else a test broke it
            assert broken_invariants(connection) == []
        transaction.rollback()
