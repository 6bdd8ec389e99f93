"""Waiting for something to become true, instead of sleeping and hoping."""

import time
from collections.abc import Callable

from sqlalchemy import Engine


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 10) -> None:
    """Return once the condition holds.

    Raises:
        AssertionError: when it does not within the time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def is_lock_waited_for(engine: Engine) -> bool:
    """Tell whether somebody waits for a lock of the engine's database."""
    query = (
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE a.datname = current_database() AND NOT l.granted)"
    )
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(query).scalar_one())
