"""What is said to have been posted was committed, and nothing else."""

import datetime as dt
from contextlib import nullcontext

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

import ledger
from ledger import AccountSpec, Entry, Posting
from payments.database import connect_engine, rehearse, transaction
from payments.telemetry.posted_entries import tell_of_entries

DAY = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def told_engine(fresh_database_url: str) -> Engine:
    engine = connect_engine(fresh_database_url)
    tell_of_entries(engine)
    return engine


def entry(engine: Engine, key: str) -> Entry:
    specs = [AccountSpec(path, "EUR", mode="deferred") for path in ("assets:a:b", "equity:a:b")]
    with engine.begin() as connection:
        ids = list(ledger.open_accounts(connection, specs).values())
    return Entry(key, "test", DAY, [Posting(ids[0], 5), Posting(ids[1], -5)])


def test_only_what_is_committed_is_told(
    told_engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, dropped, undone, again = (
        entry(told_engine, f"pay_{name}:x") for name in ("kept", "dropped", "undone", "again")
    )
    with transaction(told_engine) as session:
        ledger.post_batch(session.connection(), [kept, again])
        with session.begin_nested() as savepoint:
            ledger.post(session.connection(), dropped)
            savepoint.rollback()
    with rehearse(), transaction(told_engine) as session:
        ledger.post(session.connection(), undone)
    with transaction(told_engine) as session:
        assert ledger.post(session.connection(), again).replayed
    told_engine.dispose()
    lines = [line for line in capsys.readouterr().out.splitlines() if "entries_posted" in line]
    [line] = lines
    assert '"entries": "pay_kept:x pay_again:x"' in line


def test_the_error_of_a_server_that_hangs_up_stays_what_it_is(told_engine: Engine) -> None:
    posted = entry(told_engine, "pay_lost:x")
    hang_up = text("RESET ROLE; SELECT pg_terminate_backend(pg_backend_pid())")
    gone = pytest.raises(OperationalError, match="terminating connection")
    for scope in (nullcontext, Session.begin_nested):
        with gone, transaction(told_engine) as session, scope(session):
            ledger.post(session.connection(), posted)
            session.execute(hang_up)
    with transaction(told_engine) as session:
        assert not ledger.post(session.connection(), posted).replayed
    told_engine.dispose()
