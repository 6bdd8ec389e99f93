"""The Redis user that docs/operating.md tells to make is enough for every process."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, select

from payments.database import transaction
from payments.delivery import outbox
from payments.delivery.tables import OutboxRow
from tests.databases import ROOT
from tests.jobs.environment import make_environment
from tests.jobs.processes import eventually, relay, worker
from tests.payments.shop import NOW


@pytest.fixture
def restricted_url(redis_url: str) -> Iterator[str]:
    """The URL of a user with the rules of the documentation."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rules = re.search(r"^user strongroom on >\S+ (.+)$", text, re.MULTILINE)
    assert rules is not None
    user, password = f"user_{secrets.token_hex(4)}", secrets.token_urlsafe()
    with redis.Redis.from_url(redis_url) as admin:
        admin.execute_command("ACL", "SETUSER", user, "on", f">{password}", *rules[1].split())
        scheme, _, rest = redis_url.partition("://")
        yield f"{scheme}://{user}:{password}@{rest.partition('@')[2]}"
        admin.execute_command("ACL", "DELUSER", user)


def test_jobs_run_as_a_redis_user_with_few_rights(
    restricted_url: str, fresh_database_url: str, fresh_engine: Engine, tmp_path: Path
) -> None:
    environment = make_environment(database_url=fresh_database_url, redis_url=restricted_url)
    with transaction(fresh_engine) as session:
        outbox.stage(session, job="seal_ledger", now=NOW)

    def done() -> bool:
        with transaction(fresh_engine) as session:
            state = select(OutboxRow.state).filter_by(job="seal_ledger", coalesce_key=None)
            return session.scalars(state).first() == "done"

    with relay(environment, tmp_path) as sending, worker(environment, tmp_path) as working:
        eventually(done, within_s=40)
        assert working.stop(within_s=20) == 0
        assert sending.stop(within_s=20) == 0
    for process in (sending, working):
        assert not process.says("NOPERM"), process.log.read_text()


@pytest.mark.parametrize(
    "command",
    [
        ("CONFIG", "GET", "*"),
        ("FLUSHALL",),
        ("KEYS", "*"),
        ("SHUTDOWN",),
        ("ACL", "LIST"),
        ("MONITOR",),
        ("REPLICAOF", "NO", "ONE"),
        ("MODULE", "LIST"),
    ],
)
def test_it_may_do_nothing_that_is_an_operators(
    restricted_url: str, command: tuple[str, ...]
) -> None:
    with (
        redis.Redis.from_url(restricted_url) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*command)
