"""Fixtures every test may use: a migrated PostgreSQL database and a Valkey of the worker's own."""

import gc
import secrets
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from sqlalchemy import Engine, create_engine

import payments.providers.evm  # noqa: F401 - before py-evm, so that deep JSON is still refused
from payments.database import connect_engine
from payments.log_lines import configure_log_lines
from tests.databases import ServerProcess, Servers, wait_for_servers

if TYPE_CHECKING:
    from tests.journeys.conftest import System

_PROCESS = pytest.StashKey[ServerProcess]()
_FOLDER = pytest.StashKey[Path]()
_SYSTEM = pytest.StashKey["tuple[System, ExitStack]"]()


def pytest_configure(config: pytest.Config) -> None:
    # An xdist worker uses the servers of the process that started it.
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is not None:
        config.stash[_FOLDER] = Path(workerinput["servers_folder"])
    elif not config.option.collectonly:
        config.stash[_PROCESS] = ServerProcess()
        config.stash[_FOLDER] = config.stash[_PROCESS].folder


def pytest_unconfigure(config: pytest.Config) -> None:
    process = config.stash.get(_PROCESS, None)
    if process is not None:
        process.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["servers_folder"] = str(node.config.stash[_FOLDER])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # Most objects come with the modules and tests, and none of those goes before the end: to look
    # through all of them for garbage, again and again, took up to a fifth of a worker's time.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _log_lines() -> None:
    """Begin each test with log lines on standard output, whatever level the last one asked for."""
    configure_log_lines("INFO")


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The PostgreSQL and the Valkey of this test session."""
    return wait_for_servers(pytestconfig.stash[_FOLDER])


@pytest.fixture(scope="module")
def database_url(servers: Servers) -> Iterator[str]:
    """A migrated database of this module's own. What its tests commit stays: use fresh ids."""
    name = f"module_{secrets.token_hex(16)}"
    yield servers.create_database(name)
    servers.drop_database(name)


@pytest.fixture
def fresh_database_url(servers: Servers) -> Iterator[str]:
    """A migrated database nobody has touched, for this test alone."""
    name = f"fresh_{secrets.token_hex(16)}"
    yield servers.create_database(name)
    servers.drop_database(name)


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    """The way to this module's database with the application's rights."""
    engine = connect_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def fresh_engine(fresh_database_url: str) -> Iterator[Engine]:
    """The way to a fresh database with the application's rights."""
    engine = connect_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def owner_engine(database_url: str) -> Iterator[Engine]:
    """The way to this module's database as the owner of its tables."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def redis_url(servers: Servers, worker_id: str) -> str:
    """An empty Valkey database of this worker's own."""
    number = 0 if worker_id == "master" else 1 + int(worker_id.removeprefix("gw"))
    url = servers.logical_redis_url(number)
    client = redis.Redis.from_url(url)
    client.flushdb()
    client.close()
    return url


@pytest.fixture(scope="module")
def system(
    pytestconfig: pytest.Config,
    servers: Servers,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> "System":
    """A running system; what one test leaves behind, the next one does not look at.

    Modules that follow each other share one: it takes a quarter of a minute to start.
    """
    from tests.journeys.conftest import running_system  # noqa: PLC0415 - who needs no system pays nothing

    if _SYSTEM not in pytestconfig.stash:
        name = f"system_{worker_id}_{secrets.token_hex(4)}"
        running = ExitStack()
        started = running.enter_context(
            running_system(servers, name, tmp_path_factory.mktemp("system"))
        )
        pytestconfig.stash[_SYSTEM] = started, running
    return pytestconfig.stash[_SYSTEM][0]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    # Even one that nobody asks anything takes a sixth of a core, from all tests to come.
    # A module's tests share what the first of them got, so it goes after the last one only.
    if nextitem is not None and nextitem.path == item.path:
        return
    if _SYSTEM in item.config.stash and "system" not in getattr(nextitem, "fixturenames", ()):
        _, running = item.config.stash[_SYSTEM]
        del item.config.stash[_SYSTEM]
        running.close()
