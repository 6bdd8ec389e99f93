"""TLS to PostgreSQL and Redis: only a server with the right certificate is spoken to."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from jobs.redis_clients import connect_for_commands
from payments.database import API_ROLE, connect_engine, transaction
from payments.doctor.postgres_transport import postgres_transport
from payments.doctor.redis_server import redis_transport
from payments.provider_checks import State
from tests.databases import Servers
from tests.security.tls_front import Authority, make_authority, tls_front


@dataclass(frozen=True)
class Fronts:
    """Ports of TLS fronts, by the host their certificate is for; who issued it, and who did not."""

    postgres: dict[str, int]
    redis: dict[str, int]
    right: Authority
    wrong: Authority


@pytest.fixture(scope="module")
def fronts(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    folder = tmp_path_factory.mktemp("tls")
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the drivers look at the real clock
    right, wrong = (make_authority(name, folder, now=now) for name in ("right", "wrong"))
    database, queue = urlsplit(servers.owner_url), urlsplit(servers.redis_url)
    ours = right.issue("127.0.0.1", folder, now=now)
    others = right.issue("db.example.com", folder, now=now)
    to_database, to_queue = ((str(url.hostname), int(url.port or 0)) for url in (database, queue))
    with (
        tls_front(to_database, ours, postgres=True) as database_here,
        tls_front(to_database, others, postgres=True) as database_elsewhere,
        tls_front(to_queue, ours, postgres=False) as queue_here,
        tls_front(to_queue, others, postgres=False) as queue_elsewhere,
    ):
        yield Fronts(
            postgres={"127.0.0.1": database_here, "db.example.com": database_elsewhere},
            redis={"127.0.0.1": queue_here, "db.example.com": queue_elsewhere},
            right=right,
            wrong=wrong,
        )


def database_at(url: str, port: int, *, mode: str, authority: Path) -> str:
    parts = urlsplit(url)
    netloc = f"{parts.netloc.rpartition(':')[0]}:{port}"
    return parts._replace(netloc=netloc, query=f"sslmode={mode}&sslrootcert={authority}").geturl()


def redis_at(url: str, port: int, *, authority: Path) -> str:
    parts = urlsplit(url)
    netloc = f"{parts.netloc.rpartition(':')[0]}:{port}"
    changed = parts._replace(scheme="rediss", netloc=netloc, query=f"ssl_ca_certs={authority}")
    return changed.geturl()


def whoever_answers(url: str) -> str:
    engine = connect_engine(url, pool_size=1, role=API_ROLE)
    try:
        with transaction(engine) as session:
            return str(session.scalar(text("SELECT current_user")))
    finally:
        engine.dispose()


def test_row_52_postgresql_is_believed_with_the_right_certificate_alone(
    fronts: Fronts, database_url: str
) -> None:
    here, elsewhere = fronts.postgres["127.0.0.1"], fronts.postgres["db.example.com"]
    right, wrong = fronts.right.file, fronts.wrong.file
    good = database_at(database_url, here, mode="verify-full", authority=right)
    assert whoever_answers(good) == API_ROLE
    with pytest.raises(OperationalError, match="certificate verify failed"):
        whoever_answers(database_at(database_url, here, mode="verify-full", authority=wrong))
    with pytest.raises(OperationalError, match="does not match"):
        whoever_answers(database_at(database_url, elsewhere, mode="verify-full", authority=right))
    # A server that offers no TLS is not spoken to at all.
    plain = urlsplit(database_url).port or 0
    with pytest.raises(OperationalError, match="does not support SSL"):
        whoever_answers(database_at(database_url, plain, mode="verify-full", authority=right))
    # Nor does the front serve who speaks plainly.
    with pytest.raises(OperationalError):
        whoever_answers(database_at(database_url, here, mode="disable", authority=right))


def test_row_52_redis_is_believed_with_the_right_certificate_alone(
    fronts: Fronts, redis_url: str
) -> None:
    here, elsewhere = fronts.redis["127.0.0.1"], fronts.redis["db.example.com"]
    right, wrong = fronts.right.file, fronts.wrong.file
    with connect_for_commands(redis_at(redis_url, here, authority=right)) as client:
        assert client.ping()
    for port, authority, told in (
        (here, wrong, "certificate verify failed"),
        (elsewhere, right, "IP address mismatch|doesn't match"),
        (urlsplit(redis_url).port or 0, right, "."),
    ):
        with (
            connect_for_commands(redis_at(redis_url, port, authority=authority)) as client,
            pytest.raises(redis.RedisError, match=told),
        ):
            client.ping()
    plain = redis_at(redis_url, here, authority=right).replace("rediss:", "redis:").partition("?")
    with connect_for_commands(plain[0]) as client, pytest.raises(redis.RedisError):
        client.ping()


def test_row_52_the_doctor_takes_nothing_less_over_a_network(
    fronts: Fronts, database_url: str
) -> None:
    url = database_at(
        database_url,
        fronts.postgres["127.0.0.1"],
        mode="verify-full",
        authority=fronts.right.file,
    )
    engine = connect_engine(url, pool_size=1)
    with engine.connect() as connection:
        for mode, state in (
            ("verify-full", State.OK),
            ("verify-ca", State.FAIL),
            ("require", State.FAIL),
            ("prefer", State.FAIL),
            ("disable", State.FAIL),
        ):
            remote = f"postgresql://a@db.example.com/b?sslmode={mode}"
            assert postgres_transport(connection, remote).state is state
    engine.dispose()
    assert redis_transport("rediss://redis.example.com").state is State.OK
    for worse in (
        "redis://redis.example.com",
        "rediss://redis.example.com?ssl_cert_reqs=none",
        "rediss://redis.example.com?ssl_check_hostname=False",
    ):
        assert redis_transport(worse).state is State.FAIL
