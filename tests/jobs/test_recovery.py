"""How soon work goes on after a process died, in real time: half a minute, not seven."""

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, text

from jobs import heartbeat
from jobs.context import JobContext, connect_context
from jobs.heartbeat import renewed
from jobs.queues import PICK_UP_S
from payments.database import transaction
from payments.delivery import outbox
from payments.delivery.tables import OutboxRow
from tests.conditions import wait_until
from tests.jobs.environment import make_environment, make_settings
from tests.jobs.processes import eventually, relay, worker


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - processes under test have the real clock


@pytest.fixture
def environment(fresh_database_url: str, redis_url: str) -> dict[str, str]:
    return make_environment(database_url=fresh_database_url, redis_url=redis_url)


@pytest.fixture
def context(fresh_database_url: str, redis_url: str) -> Iterator[JobContext]:
    made = connect_context(make_settings(database_url=fresh_database_url, redis_url=redis_url))
    yield made
    made.engine.dispose()
    made.bell.close()


def stage(engine: Engine, job: str) -> int:
    with transaction(engine) as session:
        row_id = outbox.stage(session, job=job, now=now())
    assert row_id is not None
    return row_id


def row(engine: Engine, row_id: int) -> OutboxRow:
    with transaction(engine) as session:
        return session.get_one(OutboxRow, row_id)


def test_a_routine_job_whose_worker_was_killed_runs_again_within_a_minute(
    fresh_engine: Engine, environment: Mapping[str, str], tmp_path: Path
) -> None:
    with relay(environment, tmp_path):
        with fresh_engine.connect() as blocking, worker(environment, tmp_path) as victim:
            blocking.execute(text("LOCK TABLE strongroom.sessions IN ACCESS EXCLUSIVE MODE"))
            row_id = stage(fresh_engine, "prune_records")
            eventually(lambda: row(fresh_engine, row_id).attempts == 1)
            victim.kill()
        died = time.monotonic()
        assert row(fresh_engine, row_id).state == "leased"
        with worker(environment, tmp_path):
            eventually(lambda: row(fresh_engine, row_id).state == "done", within_s=60)
    assert row(fresh_engine, row_id).attempts == 2
    assert 15 < time.monotonic() - died < 60


def test_what_a_killed_relay_had_leased_is_picked_up_within_15_seconds(
    fresh_engine: Engine, environment: Mapping[str, str], tmp_path: Path
) -> None:
    row_id = stage(fresh_engine, "expire_holds")
    due = time.monotonic()
    with transaction(fresh_engine) as session:  # and dies before it tells Redis
        (leased,) = outbox.lease_due(session, limit=1, lease_s=PICK_UP_S, now=now())
    with relay(environment, tmp_path), worker(environment, tmp_path):
        eventually(lambda: row(fresh_engine, row_id).state == "done")
    assert time.monotonic() - due < 15
    assert not_ours_any_more(fresh_engine, leased)


def not_ours_any_more(engine: Engine, leased: outbox.Leased) -> bool:
    with transaction(engine) as session:
        return not outbox.finish(
            session, row_id=leased.id, lease_token=leased.lease_token, now=now()
        )


def test_what_redis_forgot_is_picked_up_within_15_seconds(
    fresh_engine: Engine, environment: Mapping[str, str], redis_url: str, tmp_path: Path
) -> None:
    with relay(environment, tmp_path), redis.Redis.from_url(redis_url) as valkey:
        row_id, due = stage(fresh_engine, "expire_holds"), time.monotonic()
        eventually(lambda: row(fresh_engine, row_id).state == "leased")
        with worker(environment, tmp_path) as other:
            other.kill()  # perhaps with the hint in its hands
        valkey.flushdb()
        with worker(environment, tmp_path):
            eventually(lambda: row(fresh_engine, row_id).state == "done")
    assert time.monotonic() - due < 15


def test_a_living_worker_keeps_its_job_however_long_that_takes(
    context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "RENEW_S", 0.02)
    row_id = stage(context.engine, "audit_ledger")
    with transaction(context.engine) as session:
        (leased,) = outbox.lease_due(session, limit=1, lease_s=1, now=now())

    def until() -> dt.datetime:
        lease_until = row(context.engine, row_id).lease_until
        assert lease_until is not None
        return lease_until

    with renewed(context, leased, longest_s=60):
        wait_until(lambda: until() > now() + dt.timedelta(seconds=20))
        seen = until()
        wait_until(lambda: until() > seen)
    last = until()
    with renewed(context, leased, longest_s=0):  # as long as its time-out, and no longer
        assert until() == last
