"""How a greenlet waits for PostgreSQL: as psycopg's own way under gevent does, for a fraction.

psycopg polls with a time-out that has to be set up and taken down around every answer. A request
waits some twenty times, so that adds up to milliseconds.
"""

import gevent
import psycopg.waiting
from gevent import select
from psycopg.abc import RV, PQGen
from psycopg.waiting import READY_NONE, READY_R, READY_RW, READY_W, WAIT_R, WAIT_W, Ready

_psycopgs_own = psycopg.waiting.wait_poll


def wait_in_greenlets() -> None:
    """Have all connections of this process wait this way."""
    psycopg.waiting.wait = _wait


def _wait(gen: PQGen[RV], fileno: int, interval: float = 0.0, timeout: float | None = None) -> RV:
    """Serve `gen`, which says what it waits for and returns the answer."""
    if timeout is not None:
        return _psycopgs_own(gen, fileno, interval, timeout)
    hub = gevent.get_hub()
    try:
        wanted = next(gen)
        while True:
            if wanted == WAIT_R:
                watcher = hub.loop.io(fileno, WAIT_R)
                try:
                    hub.wait(watcher)
                finally:
                    watcher.close()
                ready: Ready = READY_R
            else:  # the system's buffer is full: rare, and not worth being quick about
                ready = _ready(fileno, wanted, interval)
            wanted = gen.send(ready)
    except StopIteration as end:
        answer: RV = end.value
        return answer


def _ready(fileno: int, wanted: int, interval: float) -> Ready:
    reading = [fileno] if wanted & WAIT_R else []
    writing = [fileno] if wanted & WAIT_W else []
    readable, writable, _ = select.select(reading, writing, [], interval)
    if readable and writable:
        return READY_RW
    if readable:
        return READY_R
    return READY_W if writable else READY_NONE
