"""A browser's `EventSource`, as far as tests need it, and what the relay does for it."""

import datetime as dt
import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import redis
from sqlalchemy import Engine

from jobs.publishing import number_and_publish
from payments.database import transaction
from payments.delivery import live_events

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
_Found = TypeVar("_Found")


def eventually(look: Callable[[], _Found], *, within_s: float = 20) -> _Found:
    """Return what `look` finds as soon as it is true."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"did not come true within {within_s} s"
        time.sleep(0.01)
    return found


def announce(engine: Engine, subject: str, *audience: str) -> None:
    with transaction(engine) as session:
        live_events.announce(
            session,
            topic="payment.updated",
            subject_id=subject,
            audience=audience,
            data={"id": subject},
            now=NOW,
        )


def publish(engine: Engine, client: redis.Redis, subject: str, *audience: str) -> None:
    """Do what a use case and the relay do."""
    announce(engine, subject, *audience)
    number_and_publish(engine, client)


@dataclass(frozen=True)
class Received:
    """One event as the browser's code sees it."""

    id: int
    topic: str
    data: str


class EventClient:
    """Reads an event stream in a thread of its own until it ends or is closed."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        *,
        last_event_id: int | None = None,
        query: str = "",
    ) -> None:
        given = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._connection.request("GET", f"/api/events{query}", headers=headers | given)
        self._socket = self._connection.sock
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers
        self.events: list[Received] = []
        self.last_event_id: int | None = None
        self.ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def subjects(self) -> list[str]:
        return [event.data.removeprefix('{"id":"').removesuffix('"}') for event in self.events]

    def is_open(self) -> bool:
        """Tell whether the stream has begun: it is told of everything from here on."""
        return self.last_event_id is not None

    def hears_something(self, count: int = 1) -> None:
        """Wait for `count` events."""
        eventually(lambda: len(self.events) >= count)

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self._connection.close()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        with suppress(OSError, http.client.HTTPException, ValueError):
            for line in iter(self._response.readline, b""):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                    continue
                if "id" in fields:
                    self.last_event_id = int(fields["id"])
                if "data" in fields:
                    self.events.append(Received(int(fields["id"]), fields["event"], fields["data"]))
                fields = {}
        self.ended.set()
