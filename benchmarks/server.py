"""A durable PostgreSQL of the benchmark's own, with the settings a production server would have."""

import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine

from payments.database import APPLICATION_ROLE
from sandbox.postgres import DATABASE, OWNER, Postgres

ROOT = Path(__file__).parents[1]

# Durability stays at its default: fsync, synchronous_commit and full_page_writes are on.
SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "16GB", "checkpoint_timeout": "30min"}


@contextmanager
def running_server() -> Iterator[Postgres]:
    """Run PostgreSQL in a temporary folder, which is removed with everything in it."""
    folder = Path(tempfile.mkdtemp(prefix="strongroom-bench-"))
    postgres = Postgres(
        data=folder / "postgres",
        port=_free_port(),
        password=secrets.token_urlsafe(),
        superuser_password=secrets.token_urlsafe(),
        log=folder / "postgres.log",
        socket_directory=folder,
        settings=SETTINGS,
    )
    try:
        migrate(postgres.start())
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def migrate(url: str) -> None:
    """Bring a database to the newest revision."""
    configuration = Config(ROOT / "setup.cfg")
    configuration.attributes["database_url"] = url
    command.upgrade(configuration, "head")


def socket_url(postgres: Postgres, database: str = DATABASE) -> str:
    """Return the address of a database through the unix socket."""
    query = f"host={postgres.socket_directory}&port={postgres.port}"
    return f"postgresql://{OWNER}:{postgres.password}@/{database}?{query}"


def connect(url: str, *, callers: int = 1) -> Engine:
    """Return an engine with the application's rights and a connection for each caller."""
    return create_engine(
        url, pool_size=callers, connect_args={"options": f"-c role={APPLICATION_ROLE}"}
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
