"""What the suite and the sandbox rely on in the embedded servers."""

import dataclasses
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from sqlalchemy import Engine, text

from sandbox.accounts import nobody
from sandbox.postgres import PostgresError
from tests.conditions import wait_until
from tests.databases import embedded_postgres


def test_the_application_works_with_its_own_role(engine: Engine, owner_engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "strongroom_app"
    with owner_engine.connect() as connection:
        role = connection.execute(text("SELECT current_user")).scalar_one()
        superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        assert (role, connection.execute(text(superuser)).scalar_one()) == ("strongroom", False)


def test_a_fresh_database_is_migrated(fresh_database_url: str) -> None:
    with psycopg.connect(fresh_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


@pytest.mark.parametrize("time", ["first", "second"])
def test_valkey_is_empty_for_every_test(redis_url: str, time: str) -> None:
    client = redis.Redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.set("seen", time)
    client.close()


def test_postgres_is_durable_keeps_its_data_and_refuses_wrong_passwords(tmp_path: Path) -> None:
    postgres = embedded_postgres(tmp_path / "a path" / "it's", durable=True)
    try:
        with psycopg.connect(postgres.start()) as connection:
            connection.execute("CREATE TABLE kept ()")
            names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
            for name in names:
                assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.url().replace(postgres.password, "wrong"))
        other = embedded_postgres(tmp_path / "a path" / "it's")
        with pytest.raises(PostgresError, match="another password"):
            other.start()
        other.stop()
        # As after a reboot: the file says a process runs, and the process is another one.
        (postgres.data / "postmaster.pid").write_text(f"1\n{postgres.data}\n1\n{postgres.port}\n")
        with psycopg.connect(postgres.start()) as connection:
            connection.execute("SELECT * FROM kept")
    finally:
        postgres.stop()
    assert not postgres.is_running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_user_namespaces_root_runs_postgres_as_nobody(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as shelter:
        postgres = embedded_postgres(tmp_path)
        postgres = dataclasses.replace(postgres, account=nobody(Path(shelter)))
        try:
            with psycopg.connect(postgres.start()) as connection:
                connection.execute("SELECT 1")
            assert postgres.pid is not None
            assert psutil.Process(postgres.pid).username() == "nobody"
        finally:
            postgres.stop()
        postgres.remove()
        assert not postgres.data.exists()


def test_a_killed_postgres_is_started_anew_when_its_children_are_gone(tmp_path: Path) -> None:
    postgres = embedded_postgres(tmp_path)
    try:
        with ThreadPoolExecutor(1) as pool, psycopg.connect(postgres.start()) as connection:
            child = psutil.Process(connection.info.backend_pid)
            child.suspend()  # it does not notice that its server is gone
            try:
                psutil.Process(postgres.pid).kill()
                wait_until(lambda: not postgres.is_running())
                starting = pool.submit(postgres.start)
                assert not wait([starting], timeout=1).done
            finally:
                child.resume()
            psycopg.connect(starting.result()).close()
    finally:
        postgres.stop()
