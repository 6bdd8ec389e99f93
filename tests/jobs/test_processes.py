"""The relay and the worker as real processes, killed, flushed under and cut off."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from payments.database import connect_engine, transaction
from payments.delivery import live_events, outbox
from payments.delivery.redis_channels import channel
from payments.delivery.tables import LiveEvent, OutboxRow
from payments.lifecycle.tables import Payment
from payments.webhooks.tables import InboxEvent
from sandbox.valkey import Valkey
from tests.databases import embedded_postgres, free_port, migrate
from tests.jobs.environment import make_environment
from tests.jobs.processes import Process, eventually, relay, worker
from tests.payments.shop import Shop, open_shop
from tests.payments.webhooks.stripe_events import new_payment, receive, states, succeeded


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - processes under test have the real clock


@pytest.fixture
def environment(fresh_database_url: str, redis_url: str) -> dict[str, str]:
    return make_environment(database_url=fresh_database_url, redis_url=redis_url)


@pytest.fixture
def engine(fresh_database_url: str) -> Iterator[Engine]:
    engine = connect_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture
def valkey(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def urgent(client: redis.Redis) -> Queue:
    return Queue("urgent", connection=client, serializer=JSONSerializer)


def drains(engine: Engine) -> list[OutboxRow]:
    with transaction(engine) as session:
        return list(
            session.scalars(
                select(OutboxRow).where(OutboxRow.job == "drain_webhooks").order_by(OutboxRow.id)
            )
        )


def entries(engine: Engine, payment: Payment) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(
                text("SELECT count(*) FROM ledger.entries WHERE effect_key = :key"),
                {"key": f"{payment.id}:charged"},
            ).scalar_one()
        )


def lease_runs_out(engine: Engine) -> None:
    """Stand in for the passing of time."""
    with transaction(engine) as session:
        session.execute(
            update(OutboxRow)
            .where(OutboxRow.job == "drain_webhooks", OutboxRow.state == "leased")
            .values(lease_until=now())
        )


def test_a_webhook_becomes_an_entry_and_a_published_event(
    shop: Shop, environment: Mapping[str, str], valkey: redis.Redis, tmp_path: Path
) -> None:
    listener = valkey.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis-py's
    listener.subscribe(channel(valkey, live_events.CHANNEL))
    payment = new_payment(shop)
    stripe_event = succeeded(payment)
    with relay(environment, tmp_path), worker(environment, tmp_path) as running:
        receive(shop.engine, stripe_event, now=now())
        message: Any = eventually(lambda: listener.get_message(timeout=0.1))
        assert running.says('"request_id": "req_test"')
    listener.close()
    published = live_events.from_wire(message["data"])
    assert payment.id in {event.subject_id for event in published}
    assert states(shop.engine, [stripe_event]) == ["done"]
    assert entries(shop.engine, payment) == 1


def test_the_job_of_a_killed_worker_runs_again_after_its_lease(
    shop: Shop, environment: Mapping[str, str], tmp_path: Path
) -> None:
    payment = new_payment(shop)
    receive(shop.engine, succeeded(payment), now=now())
    with relay(environment, tmp_path):
        with Session(shop.engine) as blocking, worker(environment, tmp_path) as victim:
            blocking.get_one(Payment, payment.id, with_for_update=True)
            eventually(lambda: waits_for_a_lock(shop.engine))
            victim.kill()
        (row,) = drains(shop.engine)
        assert (row.state, row.attempts) == ("leased", 1)
        lease_runs_out(shop.engine)
        with worker(environment, tmp_path):
            eventually(lambda: entries(shop.engine, payment))
            eventually(lambda: drains(shop.engine)[0].state == "done")
    assert drains(shop.engine)[0].attempts == 2
    assert entries(shop.engine, payment) == 1


def waits_for_a_lock(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(
            connection.exec_driver_sql(
                "SELECT EXISTS (SELECT FROM pg_locks waiting JOIN pg_locks mine USING (pid)"
                " WHERE NOT waiting.granted AND mine.database = ("
                "   SELECT oid FROM pg_database WHERE datname = current_database()))"
            ).scalar()
        )


def test_a_queue_emptied_before_the_job_ran_is_filled_again(
    shop: Shop, environment: Mapping[str, str], valkey: redis.Redis, tmp_path: Path
) -> None:
    payment = new_payment(shop)
    receive(shop.engine, succeeded(payment), now=now())
    with relay(environment, tmp_path):
        eventually(lambda: any(row.state == "leased" for row in drains(shop.engine)))
        eventually(lambda: len(urgent(valkey)))
        valkey.flushdb()
        with worker(environment, tmp_path):
            eventually(lambda: entries(shop.engine, payment), within_s=15)


def test_a_worker_goes_on_when_redis_is_emptied_under_it(
    shop: Shop, environment: Mapping[str, str], valkey: redis.Redis, tmp_path: Path
) -> None:
    with relay(environment, tmp_path), worker(environment, tmp_path):
        for _ in range(3):
            payment = new_payment(shop)
            valkey.flushdb()
            receive(shop.engine, succeeded(payment), now=now())
            eventually(lambda payment=payment: entries(shop.engine, payment))  # type: ignore[misc] # bound at once


def test_two_relays_queue_each_row_once(
    engine: Engine, environment: Mapping[str, str], valkey: redis.Redis, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        staged: set[int | None] = {
            outbox.stage(session, job="expire_holds", now=now()) for _ in range(60)
        }
    with relay(environment, tmp_path), relay(environment, tmp_path):
        eventually(lambda: staged <= set(queued_rows(valkey)))
        # A lease that runs out on a slow machine is given anew: each lease is queued once.
        leases = Counter(tuple(map(str, job.args)) for job in urgent(valkey).jobs)
    assert set(leases.values()) == {1}


def stage_expiry(session: Session) -> int | None:
    return outbox.stage(session, job="expire_holds", now=now())


def queued_rows(client: redis.Redis) -> Counter[int | None]:
    return Counter(job.args[0] for job in urgent(client).jobs)


def test_two_relays_stage_each_periodic_job_once(
    engine: Engine, environment: Mapping[str, str], tmp_path: Path
) -> None:
    with relay(environment, tmp_path), relay(environment, tmp_path):
        eventually(lambda: staged_jobs(engine) >= {"audit_ledger", "prune_records", "roll_ledger"})
        staged = staged_counts(engine)
    assert staged["audit_ledger"] == 1
    assert staged["prune_records"] == 1


def staged_counts(engine: Engine) -> Counter[str]:
    with transaction(engine) as session:
        return Counter(session.scalars(select(OutboxRow.job)))


def staged_jobs(engine: Engine) -> set[str]:
    return set(staged_counts(engine))


def test_more_than_fits_into_redis_waits_in_postgresql(
    engine: Engine, environment: Mapping[str, str], valkey: redis.Redis, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        for _ in range(250):
            stage_expiry(session)
    with relay(environment, tmp_path):
        eventually(lambda: len(urgent(valkey)) >= 100)
        assert len(urgent(valkey)) == 100
        with worker(environment, tmp_path):
            eventually(lambda: all_done(engine), within_s=60)


def all_done(engine: Engine) -> bool:
    with transaction(engine) as session:
        left = session.scalars(
            select(OutboxRow.id).where(OutboxRow.job == "expire_holds", OutboxRow.state != "done")
        ).first()
    return left is None


def test_a_job_that_takes_too_long_is_stopped_and_tried_again(
    shop: Shop, environment: Mapping[str, str], valkey: redis.Redis, tmp_path: Path
) -> None:
    payment = new_payment(shop)
    receive(shop.engine, succeeded(payment), now=now())
    with transaction(shop.engine) as session:
        (leased,) = outbox.lease_due(session, limit=1, lease_s=60, now=now())
    with Session(shop.engine) as blocking, worker(environment, tmp_path):
        blocking.get_one(Payment, payment.id, with_for_update=True)
        urgent(valkey).enqueue_call(
            "jobs.execution.run", args=(leased.id, str(leased.lease_token)), timeout=1
        )
        eventually(lambda: drains(shop.engine)[0].error)
    (row,) = drains(shop.engine)
    assert row.state == "waiting"
    assert "OutOfTimeError" in (row.error or "")
    with transaction(shop.engine) as session:
        (event,) = session.scalars(select(InboxEvent))
    assert (event.state, event.attempts) == ("new", 0)


def test_relay_and_worker_stop_cleanly_when_told_to(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    with relay(environment, tmp_path) as relaying, worker(environment, tmp_path) as working:
        assert relaying.stop(within_s=10) == 0
        assert working.stop(within_s=10) == 0


def test_a_worker_told_to_stop_finishes_the_job_at_hand(
    shop: Shop, environment: Mapping[str, str], tmp_path: Path
) -> None:
    payment = new_payment(shop)
    receive(shop.engine, succeeded(payment), now=now())
    with relay(environment, tmp_path), worker(environment, tmp_path) as working:
        with Session(shop.engine) as blocking:
            blocking.get_one(Payment, payment.id, with_for_update=True)
            eventually(lambda: waits_for_a_lock(shop.engine))
            working.ask_to_stop()
        assert working.wait(within_s=5) == 0
    assert entries(shop.engine, payment) == 1
    assert drains(shop.engine)[0].state == "done"


def test_relay_and_worker_outlive_redis_and_postgresql(tmp_path: Path) -> None:
    postgres = embedded_postgres(tmp_path)
    valkey = Valkey(
        data=tmp_path / "valkey", port=free_port(), password="x", log=tmp_path / "valkey.log"
    )
    database_url = postgres.start()
    try:
        migrate(database_url)
        environment = make_environment(database_url=database_url, redis_url=valkey.start())
        engine = connect_engine(database_url)
        shop = open_shop(engine)
        with relay(environment, tmp_path) as relaying, worker(environment, tmp_path) as working:
            pay(shop)
            valkey.stop()
            payment = new_payment(shop)
            receive(engine, succeeded(payment), now=now())
            eventually(lambda: relaying.says("relay_step_failed"))
            valkey.start()
            eventually(lambda: entries(engine, payment))
            postgres.stop()
            eventually(lambda: relaying.says("OperationalError"))
            postgres.start()
            pay(shop)
            valkey.stop()
            assert relaying.stop(within_s=4) == 0
            assert working.stop(within_s=8) == 0
        engine.dispose()
    finally:
        valkey.stop()
        postgres.stop()


def test_a_redis_that_hangs_holds_nobody_up(tmp_path: Path, engine: Engine, shop: Shop) -> None:
    server = Valkey(
        data=tmp_path / "valkey", port=free_port(), password="x", log=tmp_path / "valkey.log"
    )
    environment = make_environment(
        database_url=engine.url.render_as_string(hide_password=False), redis_url=server.start()
    )
    hanging = psutil.Process(server.pid)
    try:
        with relay(environment, tmp_path) as relaying, worker(environment, tmp_path) as working:
            pay(shop)
            hanging.suspend()
            with transaction(engine) as session:
                live_events.announce(
                    session, topic="t", subject_id="hung", audience=[], data={}, now=now()
                )
            eventually(lambda: numbered(engine, "hung"))
            hanging.resume()
            pay(shop)
            eventually(lambda: is_idle(environment["REDIS_URL"]))
            hanging.suspend()
            assert relaying.stop(within_s=6) == 0
            assert working.stop(within_s=6) == 0
    finally:
        hanging.resume()
        server.stop()


def is_idle(redis_url: str) -> bool:
    """Tell whether the worker waits for work, and has waited through its last job's end."""
    with redis.Redis.from_url(redis_url) as client:
        states = [
            client.hget(key, "state") for key in client.scan_iter("rq:worker:*", _type="HASH")
        ]
        return states == [b"idle"] and not list(client.scan_iter("rq:job:*"))


def pay(shop: Shop) -> None:
    payment = new_payment(shop)
    receive(shop.engine, succeeded(payment), now=now())
    eventually(lambda: entries(shop.engine, payment))


def test_live_events_are_numbered_though_redis_is_away(
    engine: Engine, fresh_database_url: str, tmp_path: Path
) -> None:
    environment = make_environment(
        database_url=fresh_database_url, redis_url=f"redis://127.0.0.1:{free_port()}/0"
    )
    with relay(environment, tmp_path):
        with transaction(engine) as session:
            live_events.announce(
                session, topic="t", subject_id="s", audience=[], data={}, now=now()
            )
        eventually(lambda: numbered(engine, "s"))


def numbered(engine: Engine, subject_id: str) -> bool:
    with transaction(engine) as session:
        found = select(LiveEvent.position).where(LiveEvent.subject_id == subject_id)
        return session.scalars(found).one() is not None


def test_a_worker_refuses_a_queue_that_does_not_exist(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    with Process("jobs.worker nonsense", environment, tmp_path / "log") as process:
        assert process.wait(within_s=20) == 1
        queues = "urgent, alerts, chains, routine, notices"
        assert process.says(f"There is no queue nonsense; the queues are {queues}.")
        assert json.dumps(environment) not in process.log.read_text()
