"""Listens to `GET /api/events` as a browser does, for scripts and tests."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread
from typing import Any, Self

import requests

OPEN_TIMEOUT_S = 30
_SILENCE_S = 60


class SilenceError(Exception):
    """The event waited for did not come in time."""


@dataclass(frozen=True)
class LiveEvent:
    """One server-sent event; `id` is what a client comes back with as Last-Event-ID."""

    id: int
    topic: str
    data: dict[str, Any]


class Listener:
    """An open event stream, read in the background; close it, or use it in a `with` block."""

    def __init__(
        self, session: requests.Session, base_url: str, *, last_event_id: int | None = None
    ) -> None:
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        self._answer = session.get(
            f"{base_url}/api/events",
            headers=headers,
            stream=True,
            timeout=(OPEN_TIMEOUT_S, _SILENCE_S),
        )
        self._answer.raise_for_status()
        self._events: Queue[LiveEvent] = Queue()
        self._lines = self._answer.iter_lines(chunk_size=1, decode_unicode=True)
        self.position = self._read_opening()
        Thread(target=self._read, name="live-events", daemon=True).start()

    def wait_for(self, wanted: Callable[[LiveEvent], bool], *, timeout_s: float = 30) -> LiveEvent:
        """Return the next event that is wanted; the ones before it are passed over.

        Raises:
            SilenceError: it did not come in time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                event = self._events.get(timeout=max(0, deadline - time.monotonic()))
            except Empty:
                raise SilenceError(f"No such event within {timeout_s:.0f} s") from None
            if wanted(event):
                return event

    def heard_so_far(self) -> list[LiveEvent]:
        """Return what has arrived and was not yet waited for."""
        heard = []
        while not self._events.empty():
            heard.append(self._events.get())
        return heard

    def close(self) -> None:
        """Hang up, also while the reader waits for the next event."""
        self._answer.raw.shutdown()
        self._answer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_opening(self) -> int:
        """Read up to the first empty line, which says where the stream begins."""
        position = 0
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "id":
                position = int(value)
            elif not line:
                break
        return position

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                if "data" in fields:
                    self._events.put(
                        LiveEvent(int(fields["id"]), fields["event"], json.loads(fields["data"]))
                    )
                fields = {}
        except (requests.RequestException, AttributeError, ValueError):
            return  # hung up, by either side
