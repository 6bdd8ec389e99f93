import datetime as dt
import json
from collections.abc import Iterator

import fakeredis
import pytest
import redis
from sqlalchemy import Connection, Engine, event, select

from jobs.dispatch import dispatch
from jobs.queues import QUEUES, URGENT, WAITING_LIMIT
from jobs.redis_clients import connect_for_commands, redis_queue
from jobs.registry import JOBS, WHILE_STILL
from payments.access.caller import Caller, Role
from payments.database import connect_engine, transaction
from payments.delivery import outbox
from payments.delivery.tables import OutboxRow
from payments.restores import request_look
from payments.restores.begin_restore import begin_restore
from tests.databases import free_port

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture
def engine(fresh_database_url: str) -> Iterator[Engine]:
    engine = connect_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def fake() -> redis.Redis:
    return fakeredis.FakeStrictRedis(server=fakeredis.FakeServer())


def stage(engine: Engine, job: str, *, count: int = 1) -> None:
    with transaction(engine) as session:
        for _ in range(count):
            outbox.stage(session, job=job, args={"secret": "stays in PostgreSQL"}, now=NOW)


def states(engine: Engine) -> set[str]:
    with transaction(engine) as session:
        return set(session.scalars(select(OutboxRow.state)))


def test_redis_gets_an_id_and_a_token_as_json_and_nothing_else(
    engine: Engine, fake: redis.Redis
) -> None:
    stage(engine, "expire_holds")
    assert dispatch(engine, fake, now=NOW) == 1
    (job,) = redis_queue("urgent", fake).jobs
    with transaction(engine) as session:
        row = session.scalars(select(OutboxRow)).one()
    assert json.loads(job.data) == ["jobs.execution.run", None, [row.id, str(row.lease_token)], {}]
    assert (job.timeout, job.result_ttl) == (URGENT.timeout_s, 0)


def test_each_job_goes_to_its_own_queue(engine: Engine, fake: redis.Redis) -> None:
    for name in JOBS:
        stage(engine, name)
    dispatch(engine, fake, now=NOW)
    for queue in QUEUES.values():
        described = {job.description for job in redis_queue(queue.name, fake).jobs}
        assert described == {name for name, job in JOBS.items() if job.queue is queue}


def test_after_a_restore_only_what_sends_nothing_is_queued(
    engine: Engine, fake: redis.Redis
) -> None:
    begin_restore(
        engine,
        caller=Caller(principal="command:ada", role=Role.OPERATOR),
        reference="lost",
        reason="the disk broke",
        restored_to=NOW,
        now=NOW,
    )
    for name in JOBS:
        stage(engine, name)
    dispatch(engine, fake, now=NOW)
    queued = [job.description for queue in QUEUES for job in redis_queue(queue, fake).jobs]
    assert set(queued) == WHILE_STILL
    assert request_look.JOB in WHILE_STILL, "the end waits for it"
    for name in ("pay_sellers", "resolve_refunds", "send_transactions", "issue_invoice"):
        assert name in JOBS
        assert name not in WHILE_STILL


def test_a_full_queue_does_not_hold_up_another(engine: Engine, fake: redis.Redis) -> None:
    stage(engine, "audit_ledger", count=WAITING_LIMIT + 5)
    dispatch(engine, fake, now=NOW)
    stage(engine, "expire_holds")
    assert dispatch(engine, fake, now=NOW) == 1
    assert len(redis_queue("routine", fake)) == WAITING_LIMIT


def test_nothing_is_leased_while_redis_is_away(engine: Engine) -> None:
    stage(engine, "expire_holds")
    away = connect_for_commands(f"redis://127.0.0.1:{free_port()}/0")
    with away, pytest.raises(redis.ConnectionError):
        dispatch(engine, away, now=NOW)
    assert states(engine) == {"waiting"}


def test_a_job_of_a_newer_version_waits_for_a_relay_that_knows_it(
    engine: Engine, fake: redis.Redis
) -> None:
    stage(engine, "invented_tomorrow")
    assert dispatch(engine, fake, now=NOW) == 0
    assert states(engine) == {"waiting"}


def test_nothing_is_queued_before_its_lease_is_committed(engine: Engine, fake: redis.Redis) -> None:
    stage(engine, "expire_holds")

    def fail(connection: Connection) -> None:
        if connection.scalar(select(OutboxRow.id).where(OutboxRow.state == "leased")) is not None:
            raise OSError("the connection broke at COMMIT")

    event.listen(engine, "commit", fail)
    with pytest.raises(OSError, match="at COMMIT"):
        dispatch(engine, fake, now=NOW)
    event.remove(engine, "commit", fail)
    assert len(redis_queue("urgent", fake)) == 0
    assert states(engine) == {"waiting"}
