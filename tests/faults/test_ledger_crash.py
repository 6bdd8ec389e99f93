"""PostgreSQL killed under writers: what was acknowledged is there, and the books are whole."""

import datetime as dt
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ledger import AccountSpec, Entry, Posted, Posting, broken_invariants, open_accounts, post_batch
from payments.database import connect_engine
from sandbox.postgres import Postgres
from tests.conditions import wait_until
from tests.databases import embedded_postgres, migrate

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
WRITERS = 4
ENOUGH = 1500


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    postgres = embedded_postgres(tmp_path, durable=True)
    yield postgres
    postgres.stop()


def kill(postgres: Postgres) -> None:
    """Kill the server at once; its children notice and die without writing anything more."""
    postmaster = int((postgres.data / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: not postgres.is_running())


def write_until_it_dies(
    engine: Engine, acknowledged: dict[str, int], enough: threading.Event
) -> None:
    with engine.begin() as connection:
        cash, owed = open_accounts(
            connection,
            [AccountSpec("assets:till", "USD", "deferred"), AccountSpec("liabilities:one", "USD")],
        ).values()
    writer = threading.get_ident()
    try:
        for n in range(10**6):
            batch = [
                Entry(f"w:{writer}:{n}:{m}", "test", NOON, [Posting(cash, 1), Posting(owed, -1)])
                for m in range(20)
            ]
            with engine.begin() as connection:
                results = post_batch(connection, batch)
            for entry, result in zip(batch, results, strict=True):
                assert isinstance(result, Posted)
                acknowledged[entry.effect_key] = result.entry_id
            if len(acknowledged) >= ENOUGH:
                enough.set()
    except DBAPIError:
        return


def test_no_acknowledged_entry_is_lost_when_postgres_is_killed(postgres: Postgres) -> None:
    url = postgres.start()
    migrate(url)
    engine = connect_engine(url)
    acknowledged: dict[str, int] = {}
    enough = threading.Event()
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [
            pool.submit(write_until_it_dies, engine, acknowledged, enough) for _ in range(WRITERS)
        ]
        assert enough.wait(60)
        kill(postgres)
        for writer in writers:
            writer.result()
    engine.dispose()

    engine = connect_engine(postgres.start())
    with engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT effect_key, id FROM ledger.entries")
        stored = {row.effect_key: row.id for row in rows}
        assert broken_invariants(connection) == []
    engine.dispose()

    assert acknowledged.items() <= stored.items()
    assert len(acknowledged) >= ENOUGH
