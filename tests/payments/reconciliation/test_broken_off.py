"""Runs that are killed, made twice or at once end in the same books as one left alone."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import text

from jobs.context import JobContext, connect_context
from jobs.reconcile import reconcile
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.reconciliation import run as run_module
from payments.reconciliation.progress import Progress, turn
from payments.reconciliation.request_run import add_run, read_run
from payments.reconciliation.run import reconcile as make_run
from payments.reconciliation.tables import ReconciliationRun
from tests.databases import Servers
from tests.jobs.environment import make_environment, make_settings
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import A_WHILE, Desk, money_in

PAYMENTS = 12
_ONE_RUN = """
import sys
from jobs.context import connect_context
from jobs.reconcile import reconcile
from payments import crash_points
from payments.reconciliation import run
from payments.settings import read_settings

settings = read_settings()
crash_points.arm(settings.crash_at)
run.CHUNK = 3
reconcile(connect_context(settings), {"run_id": sys.argv[1]})
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture
def context(fresh_database_url: str, redis_url: str) -> Iterator[JobContext]:
    made = connect_context(make_settings(database_url=fresh_database_url, redis_url=redis_url))
    yield made
    made.engine.dispose()
    made.bell.close()


def fill(desk: Desk) -> None:
    """Payments with a line each, one that is paid twice, a transfer, and lines of nobody's."""
    lines = []
    for number in range(PAYMENTS):
        payment = desk.payment(10_000 + number)
        desk.tell(ToldByBank(payment).settled(amount=10_000 + number))
        lines.append(money_in(10_000 + number, f"{payment.bank_reference}"))
    transfer = desk.payment(5_000)
    lines += [lines[0], money_in(5_000, f"{transfer.bank_reference}"), money_in(-70, "rent")]
    desk.statement(*lines, opening=1_000)


def assert_done(desk: Desk) -> None:
    """Everything is booked once, however often it was begun."""
    paid = sum(10_000 + number for number in range(PAYMENTS))
    assert desk.balances() == {
        "main": 1_000 + paid + 10_000 + 5_000 - 70,
        "clearing": 0,
        "suspense": 70 - 10_000,
    }
    with transaction(desk.engine) as session:
        counts = session.execute(
            text("SELECT state, count(*) FROM strongroom.statement_lines GROUP BY state")
        )
        assert dict(counts.all()) == {"matched": PAYMENTS + 2, "unmatched": 1}
        assert session.scalar(text("SELECT count(*) FROM strongroom.matches")) == PAYMENTS + 2
        assert session.scalar(text("SELECT count(*) FROM strongroom.bank_receipts")) == PAYMENTS + 2


def ask(desk: Desk) -> str:
    with transaction(desk.engine) as session:
        return add_run(session, requested_by="test", now=desk.now).id


def status(desk: Desk, run_id: str) -> str:
    with transaction(desk.engine) as session:
        return read_run(session, run_id).status


def test_a_worker_killed_in_the_middle_leaves_a_run_that_is_taken_up_again(
    desk: Desk, context: JobContext, fresh_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    fill(desk)
    run_id, crash_at = ask(desk), tmp_path / "crash-at"
    environment = make_environment(database_url=fresh_database_url, redis_url=redis_url)
    for times in range(1, 4):
        crash_at.write_text("reconciliation:booked")
        killed = subprocess.run(
            [sys.executable, "-c", _ONE_RUN, run_id],
            cwd=ROOT,
            env={"PATH": os.defpath, **environment, "CRASH_AT": str(crash_at)},
            capture_output=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert status(desk, run_id) == "running"
        with transaction(desk.engine) as session:
            done = session.get_one(ReconciliationRun, run_id).figures["lines_matched"]
        assert done == 3 * times
    reconcile(context, {"run_id": run_id})
    assert status(desk, run_id) == "done"
    assert_done(desk)
    with transaction(desk.engine) as session:
        assert session.get_one(ReconciliationRun, run_id).figures["lines_matched"] == PAYMENTS


def test_a_run_that_is_over_is_not_made_again(desk: Desk, context: JobContext) -> None:
    fill(desk)
    run_id = ask(desk)
    reconcile(context, {"run_id": run_id})
    assert reconcile(context, {"run_id": run_id}) == {}
    reconcile(context, {})
    assert_done(desk)


def test_a_second_run_waits_for_its_turn(desk: Desk, context: JobContext) -> None:
    run_id = ask(desk)
    with turn(desk.engine) as is_ours:
        assert is_ours
        assert reconcile(context, {"run_id": run_id}) == {}
        with transaction(desk.engine) as session:
            [row] = session.query(OutboxRow).filter_by(job="reconcile", state="waiting")
            assert row.args == {"run_id": run_id}
        assert status(desk, run_id) == "waiting"
    reconcile(context, {"run_id": run_id})
    assert status(desk, run_id) == "done"


def test_runs_that_do_not_heed_the_turn_book_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "CHUNK", 2)
    fill(desk)
    ids = [ask(desk) for _ in range(3)]
    failed: list[BaseException] = []

    def make(run_id: str) -> None:
        try:
            make_run(desk.means(), run_id, until=desk.now + A_WHILE)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=make, args=(run_id,)) for run_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert_done(desk)


def test_a_run_without_time_goes_on_in_its_next_job(
    desk: Desk, context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(desk)
    run_id = ask(desk)
    monkeypatch.setattr("jobs.reconcile.BUSY_FOR", dt.timedelta(seconds=-1))
    assert reconcile(context, {"run_id": run_id}) == {}
    assert status(desk, run_id) == "running"
    with transaction(desk.engine) as session:
        [row] = session.query(OutboxRow).filter_by(job="reconcile", state="waiting")
        assert row.args == {"run_id": run_id}
    monkeypatch.undo()
    reconcile(context, {"run_id": run_id})
    assert_done(desk)


def test_what_goes_wrong_fails_the_run_and_is_told(
    desk: Desk, context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = ask(desk)
    monkeypatch.setattr(run_module, "book_openings", lambda _session: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        reconcile(context, {"run_id": run_id})
    with transaction(desk.engine) as session:
        run = read_run(session, run_id)
    assert (run.status, run.error) == ("failed", "ZeroDivisionError")
    assert run.finished_at is not None


def test_the_schedule_takes_up_what_it_began(desk: Desk, context: JobContext) -> None:
    reconcile(context, {})
    with transaction(desk.engine) as session:
        [run] = session.query(ReconciliationRun)
        assert (run.status, run.requested_by) == ("done", "schedule")
        run.status, run.finished_at = "running", None
    reconcile(context, {})
    with transaction(desk.engine) as session:
        assert [row.status for row in session.query(ReconciliationRun)] == ["done"]


def test_a_run_that_nobody_takes_up_for_a_day_has_failed(desk: Desk) -> None:
    lost = ask(desk)
    progress = Progress(desk.engine, lost, clock=lambda: desk.now, until=desk.now + A_WHILE)
    assert progress.begin()
    desk.now += dt.timedelta(days=2)
    desk.run()
    assert status(desk, lost) == "failed"


def test_the_turn_ends_with_its_connection(
    desk: Desk, fresh_database_url: str, servers: Servers
) -> None:
    name = urlsplit(fresh_database_url).path.removeprefix("/")
    with turn(desk.engine) as is_ours:
        assert is_ours
        with turn(desk.engine) as is_mine:
            assert not is_mine
        with psycopg.connect(servers.superuser_url_of(name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l JOIN pg_database d"
                "  ON d.oid = l.database WHERE l.locktype = 'advisory' AND d.datname = %s",
                (name,),
            )
        with turn(desk.engine) as is_mine:
            assert is_mine
