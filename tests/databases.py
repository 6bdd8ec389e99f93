"""The PostgreSQL and Valkey of a test session, in a process that ends with the session.

It runs until its standard input closes, which the system does even for a killed pytest: so
nothing is ever left behind. Run as `python -m tests.databases FOLDER`.
"""

import contextlib
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from sandbox.postgres import DATABASE, OWNER, VOLATILE, Postgres
from sandbox.valkey import Valkey

ROOT = Path(__file__).parents[1]
TEMPLATE = DATABASE  # migrated once; tests work in copies of it
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ENOUGH_MEMORY = 4 << 30
_FIRST_PORT, _PORTS = 20_000, 12_000


@dataclass(frozen=True)
class Servers:
    """Where the session's servers listen; the URLs name the template and database 0."""

    superuser_url: str
    owner_url: str
    redis_url: str

    def create_database(self, name: str) -> str:
        """Copy the migrated template and return the copy's URL for its owner."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier(OWNER)
                )
            )
            # A copy lacks what the migrations took from everybody for the database as such.
            connection.execute(
                sql.SQL("REVOKE CREATE, TEMPORARY ON DATABASE {} FROM PUBLIC").format(
                    sql.Identifier(name)
                )
            )
        return urlsplit(self.owner_url)._replace(path=f"/{name}").geturl()

    def drop_database(self, name: str) -> None:
        """Drop a copy, closing whatever still uses it."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def superuser_url_of(self, name: str) -> str:
        """Return the superuser's URL of a database: for tests that break what guards prevent."""
        return urlsplit(self.superuser_url)._replace(path=f"/{name}").geturl()

    def logical_redis_url(self, number: int) -> str:
        """Return the URL of the logical database `number` of the session's Valkey."""
        return urlsplit(self.redis_url)._replace(path=f"/{number}").geturl()


class ServerProcess:
    """The servers' process, started early and waited for by whoever first needs it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="strongroom-tests-"))
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.databases", str(self.folder)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then ends us in order
            )

    def stop(self) -> None:
        """Stop the servers and remove their files."""
        self._process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_for_servers(folder: Path, *, timeout_s: float = 60) -> Servers:
    """Return the addresses that the servers' process wrote, once it is ready.

    Raises:
        RuntimeError: when it failed, with its log.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if (folder / "addresses.json").exists():
            return Servers(**json.loads((folder / "addresses.json").read_text()))
        if (folder / "failed").exists():
            raise RuntimeError((folder / "failed").read_text())
        time.sleep(0.02)
    raise RuntimeError(f"The test databases did not start:\n{(folder / 'log').read_text()}")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now.

    It is below those that the system gives to outgoing connections, which could take it meanwhile.
    """
    while True:
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def migrate(database_url: str) -> None:
    """Bring a database to the newest revision."""
    configuration = Config(ROOT / "setup.cfg")
    configuration.attributes["database_url"] = database_url
    command.upgrade(configuration, "head")


def embedded_postgres(folder: Path, *, durable: bool = False, data: Path | None = None) -> Postgres:
    """Return a PostgreSQL of one's own, not started; `durable` as in production, else fast."""
    return Postgres(
        data=(data or folder) / "postgres",
        port=free_port(),
        password=secrets.token_urlsafe(),
        superuser_password=secrets.token_urlsafe(),
        log=folder / "postgres.log",
        settings={} if durable else VOLATILE,
    )


def _is_memory_plenty() -> bool:
    if not MEMORY.is_dir():
        return False
    free = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return free >= ENOUGH_MEMORY


def _run(folder: Path) -> None:
    # A test's own database is a thousand files, copied and removed again: in memory in half the
    # time. Nothing here outlasts its server; tests of what does start a durable one of their own.
    parent = MEMORY if _is_memory_plenty() else folder
    with tempfile.TemporaryDirectory(prefix="strongroom-tests-", dir=parent) as data:
        _serve(folder, Path(data))


def _serve(folder: Path, data: Path) -> None:
    postgres = embedded_postgres(folder, data=data)
    valkey = Valkey(
        data=folder / "valkey",
        port=free_port(),
        password=secrets.token_urlsafe(),
        log=folder / "valkey.log",
        databases=64,
    )
    try:
        servers = Servers(
            owner_url=postgres.start(),
            superuser_url=postgres.superuser_url(),
            redis_url=valkey.start(),
        )
        migrate(servers.owner_url)
        (folder / "addresses.new").write_text(json.dumps(asdict(servers)))
        (folder / "addresses.new").rename(folder / "addresses.json")
        sys.stdin.read()
    finally:
        valkey.stop()
        postgres.stop()
        postgres.remove()


def main() -> None:
    """Run the servers until standard input closes."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        _run(folder)
    except Exception:  # noqa: BLE001 - whatever it was, the waiting tests must be told
        (folder / "failed").write_text(traceback.format_exc())
        sys.stdin.read()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
