"""Queues hold JSON and nothing else, and Redis users may do little (row 41)."""

import json
import pickle
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, select

from jobs.dispatch import FAILED_KEPT_S, dispatch
from jobs.queues import FUNCTION, QUEUES
from jobs.redis_clients import redis_queue
from payments.database import transaction
from payments.delivery import doorbell, outbox
from payments.delivery.redis_channels import channel
from payments.delivery.tables import OutboxRow
from payments.limit_settings import RATE_LIMITS
from tests.databases import ROOT
from tests.jobs.environment import make_environment
from tests.jobs.processes import eventually, relay, worker
from tests.payments.shop import NOW
from web.request_counts import RequestCounts

UserUrl = Callable[[str], str]
RUN_A_COMMAND = b"cos\nsystem\n(S'touch %s'\ntR."


@pytest.fixture
def user_url(redis_url: str) -> Iterator[UserUrl]:
    """Makes Redis users with the rules of docs/operating.md and returns their URLs."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    made: list[str] = []
    with redis.Redis.from_url(redis_url) as admin:

        def make(name: str) -> str:
            rules = re.search(rf"^user {name} on >\S+ (.+)$", page, re.MULTILINE)
            assert rules is not None
            made.append(f"{name}_{secrets.token_hex(4)}")
            password = secrets.token_urlsafe()
            command = ("ACL", "SETUSER", made[-1], "on", f">{password}", *rules[1].split())
            admin.execute_command(*command)
            scheme, _, rest = redis_url.partition("://")
            return f"{scheme}://{made[-1]}:{password}@{rest.partition('@')[2]}"

        yield make
        for user in made:
            admin.execute_command("ACL", "DELUSER", user)


def stage(engine: Engine) -> None:
    with transaction(engine) as session:
        outbox.stage(session, job="seal_ledger", now=NOW)


def is_done(engine: Engine) -> bool:
    with transaction(engine) as session:
        state = select(OutboxRow.state).filter_by(job="seal_ledger", coalesce_key=None)
        return session.scalars(state).first() == "done"


def test_row_41_what_lies_in_redis_is_json_that_names_one_function(
    fresh_engine: Engine, redis_url: str
) -> None:
    stage(fresh_engine)
    with redis.Redis.from_url(redis_url) as client:
        dispatch(fresh_engine, client, now=NOW)
        queued = [job_id for name in QUEUES for job_id in redis_queue(name, client).job_ids]
        assert len(queued) == 1
        kept = client.hgetall(f"rq:job:{queued[0]}")
        function, _, args, kwargs = json.loads(_unpacked(kept[b"data"]))
        assert (function, kwargs) == (FUNCTION, {})
        outbox_id, lease_token = args
        assert isinstance(outbox_id, int)
        assert re.fullmatch(r"[0-9a-f-]{36}", lease_token), "ids only: nothing is lost with Redis"
        job = Job.fetch(queued[0], connection=client, serializer=JSONSerializer)
        assert (job.result_ttl, job.failure_ttl) == (0, FAILED_KEPT_S)
        assert job.timeout == next(q for q in QUEUES.values() if q.name == job.origin).timeout_s


def test_what_somebody_else_put_into_the_queue_runs_nothing_and_stops_nobody(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """A pickle, another function, and ours with a callback or a webhook: RQ itself would obey."""
    planted = tmp_path / "planted"
    touch = f"touch {planted}"
    ours = json.dumps([FUNCTION, None, [1, str(uuid.uuid4())], {}]).encode()
    hostile: list[dict[str, bytes | str]] = [
        {"data": RUN_A_COMMAND % str(planted).encode()},
        {"data": pickle.dumps((FUNCTION, None, (1, "x"), {}))},
        {"data": json.dumps(["os.system", None, [touch], {}])},
        {"data": json.dumps([FUNCTION, None, [1, str(uuid.uuid4()), touch], {}])},
        {"data": json.dumps([FUNCTION, "os", [1, str(uuid.uuid4())], {}])},
        {"data": ours, "success_callback_name": "tests.security.test_queues.plant"},
        {"data": ours, "failure_callback_name": "os.abort"},
        {"data": ours, "webhooks": '[{"url": "http://127.0.0.1:9/", "job_status": "finished"}]'},
        {"data": b"\xff not even that"},
    ]
    environment = make_environment(database_url=fresh_database_url, redis_url=redis_url)
    with redis.Redis.from_url(redis_url) as client:
        for number, fields in enumerate(hostile):
            usual = {"created_at": "2026-01-01T00:00:00Z", "origin": "urgent"}
            client.hset(f"rq:job:planted{number}", mapping=usual | fields)
            client.rpush("rq:queue:urgent", f"planted{number}")
        stage(fresh_engine)
        with relay(environment, tmp_path), worker(environment, tmp_path) as working:
            eventually(lambda: client.llen("rq:queue:urgent") == 0, within_s=60)
            eventually(lambda: is_done(fresh_engine), within_s=60)
            assert working.stop(within_s=20) == 0
        log = working.log.read_text()
        for number in range(len(hostile)):
            assert not client.exists(f"rq:job:planted{number}"), number
        assert log.count("job_not_ours") == len(hostile), log
    assert not planted.exists()


def test_each_kind_of_process_runs_as_a_user_with_its_own_few_rights(
    user_url: UserUrl, fresh_database_url: str, fresh_engine: Engine, tmp_path: Path, redis_url: str
) -> None:
    environments = [
        make_environment(database_url=fresh_database_url, redis_url=user_url(name))
        for name in ("strongroom_relay", "strongroom_worker")
    ]
    stage(fresh_engine)
    with redis.Redis.from_url(redis_url) as admin:
        admin.execute_command("ACL", "LOG", "RESET")
        with relay(environments[0], tmp_path), worker(environments[1], tmp_path) as working:
            eventually(lambda: is_done(fresh_engine), within_s=60)
            assert working.stop(within_s=20) == 0
        web = user_url("strongroom_web")
        counts = RequestCounts(web)
        assert counts.wait_s(1, "person.requests", "a") == 0
        assert counts.wait_s(1, "person.requests", "a") > 0
        assert counts._alone_until_s == 0, "it counted in Redis"
        counts.close()
        with redis.Redis.from_url(web) as client:
            doorbell.ring(client)
            client.info("server")
            with client.pubsub() as heard:
                heard.subscribe(channel(client, "events"))
                assert heard.get_message(timeout=2) is not None
        refused = [(entry["username"], entry["object"]) for entry in _acl_log(admin)]
        assert refused == []


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("strongroom_web", ("RPUSH", "rq:queue:urgent", "x")),
        ("strongroom_web", ("HSET", "rq:job:x", "data", "x")),
        ("strongroom_web", ("GET", "rq:job:x")),
        ("strongroom_web", ("EVAL", "return redis.call('rpush', 'rq:queue:urgent', 'x')", "0")),
        ("strongroom_relay", ("GET", "strongroom:limits:x")),
        ("strongroom_relay", ("EVAL", "return 1", "0")),
        ("strongroom_relay", ("HGETALL", "rq:job:x")),
        ("strongroom_worker", ("DEL", "strongroom:limits:x")),
        *((f"strongroom_{kind}", ("FLUSHALL",)) for kind in ("web", "worker", "relay")),
        *((f"strongroom_{kind}", ("CONFIG", "GET", "*")) for kind in ("web", "worker", "relay")),
        *((f"strongroom_{kind}", ("KEYS", "*")) for kind in ("web", "worker", "relay")),
    ],
)
def test_a_process_may_not_do_what_is_anothers(
    user_url: UserUrl, user: str, command: tuple[str, ...]
) -> None:
    with (
        redis.Redis.from_url(user_url(user)) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*command)


def test_every_limit_has_its_keys_under_one_prefix(redis_url: str) -> None:
    counts = RequestCounts(redis_url)
    for name in RATE_LIMITS:
        counts.wait_s(5, name, "somebody")
    counts.close()
    with redis.Redis.from_url(redis_url) as client:
        keys = client.keys("*")
        assert len(keys) == len(RATE_LIMITS)
        for key in keys:
            assert key.startswith(b"strongroom:limits:")
            assert 0 < client.ttl(key) <= 60, "nothing of it stays"


def _unpacked(data: bytes) -> bytes:
    import zlib  # noqa: PLC0415 - next to its only use

    try:
        return zlib.decompress(data)
    except zlib.error:
        return data


def _acl_log(admin: redis.Redis) -> list[dict[str, str]]:
    entries = admin.execute_command("ACL", "LOG")  # type: ignore[no-untyped-call] # redis-py's
    return [
        {str(name): str(value) for name, value in entry.items()}
        if isinstance(entry, dict)
        else {entry[i].decode(): str(entry[i + 1]) for i in range(0, len(entry), 2)}
        for entry in entries
    ]
