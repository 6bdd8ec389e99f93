"""The job that sends notices: killed in the middle, and beside a receiver that is slow."""

import datetime as dt
import ipaddress
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from jobs.context import JobContext, connect_context
from jobs.publishing import number_and_publish
from jobs.redis_clients import connect_for_commands
from jobs.send_notices import send_notices, sender_of
from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.delivery import live_events
from payments.notices.endpoints import EndpointView, add_endpoint
from payments.notices.tables import NoticeDelivery
from payments.privacy.encryption import FieldCipher
from payments.settings import read_settings
from tests.jobs.environment import KEYSET, make_environment
from tests.jobs.processes import eventually, relay, worker
from tests.payments.notices.receivers import Receiver, hangs, receiver

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NETWORKS = {"NOTICE_PRIVATE_NETWORKS": "127.0.0.0/8"}


@pytest.fixture
def backend() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the processes have the real clock


def register(engine: Engine, url: str) -> EndpointView:
    with transaction(engine) as session:
        return add_endpoint(
            session,
            caller=Caller(principal="key:backend", role=Role.SERVICE),
            reference=secrets.token_hex(16),
            url=url,
            topics=[],
            description="",
            private_networks=LOOPBACK,
            cipher=FieldCipher(KEYSET),
            now=now(),
        ).resource


def change(engine: Engine, *subjects: str) -> None:
    with transaction(engine) as session:
        for subject in subjects:
            live_events.announce(
                session,
                topic="payment.updated",
                subject_id=subject,
                audience=(),
                data={"id": subject, "status": "succeeded"},
                now=now(),
            )


def close(context: JobContext) -> None:
    sender_of(context).close()
    context.engine.dispose()
    context.bell.close()


def states(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        return list(session.scalars(select(NoticeDelivery.state)))


def test_the_relay_makes_notices_once_and_the_job_sends_them_past_a_slow_receiver(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, backend: Receiver
) -> None:
    settings = make_environment(database_url=fresh_database_url, redis_url=redis_url) | NETWORKS
    context = connect_context(read_settings(settings))
    client = connect_for_commands(redis_url)
    with receiver() as slow:
        slow.behave = hangs(slow)
        register(fresh_engine, slow.url)
        register(fresh_engine, backend.url)
        change(fresh_engine, "pay_1", "pay_2")
        assert number_and_publish(fresh_engine, client) == 2
        assert number_and_publish(fresh_engine, client) == 0
        assert send_notices(context, {}) == {"delivered": 2}
        assert len(backend.heard) == 2  # and the job has ended, with the slow one still there
        eventually(lambda: len(slow.heard) == 2)
    close(context)
    client.close()


def test_a_sender_that_is_killed_after_sending_sends_it_again(
    fresh_engine: Engine,
    fresh_database_url: str,
    redis_url: str,
    backend: Receiver,
    tmp_path: Path,
) -> None:
    crash_at = tmp_path / "crash"
    crash_at.write_text("notice.sent", encoding="utf-8")
    environment = make_environment(database_url=fresh_database_url, redis_url=redis_url)
    environment |= NETWORKS | {"CRASH_AT": str(crash_at)}
    endpoint = register(fresh_engine, backend.url)
    with relay(environment, tmp_path):
        change(fresh_engine, "pay_1")
        with worker(environment, tmp_path) as first:
            eventually(lambda: not crash_at.exists())
            assert first.wait(within_s=10) != 0
        assert states(fresh_engine) == ["waiting"]
        with transaction(fresh_engine) as session:  # the minute of its lease
            session.execute(text("UPDATE strongroom.notice_deliveries SET due_at = now()"))
    context = connect_context(read_settings(environment | {"CRASH_AT": ""}))
    assert send_notices(context, {}) == {"delivered": 1}
    assert states(fresh_engine) == ["delivered"]
    close(context)
    first_id, second_id = backend.ids
    assert first_id == second_id
    assert endpoint.secret is not None
    for heard in backend.heard:
        assert heard.verified_by(endpoint.secret)["data"]["id"] == "pay_1"
