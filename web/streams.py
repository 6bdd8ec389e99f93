"""How a client of `GET /api/events` is brought from its `Last-Event-ID` to where all others are.

What it missed is read from PostgreSQL and sent by its request; then its connection is handed over
to the hub, and the request is over. No database connection is held while anybody waits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app
from gunicorn.workers.base_async import ALREADY_HANDLED
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import http_date

from payments.database import transaction
from payments.delivery import live_events
from payments.log_lines import get_logger
from web.event_frames import frame_of, opening
from web.open_stream import Stream
from web.stream_hub import StreamHub

READ_LIMIT = 500
_EXTENSION = "strongroom_streams"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def install_streams(app: Flask, hub: StreamHub) -> None:
    """Keep the process's hub on the application; it listens from the first stream on."""
    app.extensions[_EXTENSION] = hub


def current_hub() -> StreamHub:
    """Return the hub of the application that serves this request."""
    hub: StreamHub = current_app.extensions[_EXTENSION]
    return hub


def end_streams(app: Flask) -> None:
    """End all streams of a process that is told to stop; browsers come back to another one."""
    hub: StreamHub = app.extensions[_EXTENSION]
    hub.close()


@dataclass(kw_only=True)
class CatchUp:
    """Tells one stream what came after `position`, until it is as far as all others."""

    hub: StreamHub
    engine: Engine
    stream: Stream
    position: int

    def begin(self, last_event_id: int | None) -> None:
        """Find the position to go on from; one from the future is of another database."""
        with transaction(self.engine) as session:
            newest = live_events.last_position(session)
        self.position = newest if last_event_id is None else min(last_event_id, newest)

    def send_and_hand_over(self, head: bytes) -> None:
        """Send `head`, then what was missed, and leave the rest to the hub."""
        try:
            self._send(head + opening(self.position))
            while not self.hub.go_live(self.stream, self.position):
                self._send(self.missed())
        except (OSError, SQLAlchemyError) as error:  # the client comes back
            get_logger(__name__).warning("stream_not_caught_up", error=type(error).__name__)
        finally:
            if not self.stream.live:
                self.hub.leave(self.stream)

    def missed(self) -> bytes:
        """Return what comes next and move on, at most `READ_LIMIT` events."""
        with transaction(self.engine) as session:
            newest = live_events.last_position(session)
            events = live_events.read_since(
                session, self.position, caller=self.stream.caller, limit=READ_LIMIT
            )
        if events:
            self.position = events[-1].position
        if len(events) < READ_LIMIT:
            self.position = max(self.position, newest)
        return b"".join(frame_of(event).text for event in events)

    def _send(self, data: bytes) -> None:
        if self.stream.connection is not None:
            self.stream.connection.sendall(data)


class Stretch(Response):
    """An answer of server-sent events that ends, and that no proxy keeps back."""

    def __init__(self, frames: Iterable[bytes] = ()) -> None:
        super().__init__(frames, mimetype="text/event-stream", headers=_HEADERS)


class HandedOver(Stretch):
    """An answer of server-sent events that goes on, on a connection which is the hub's then."""

    def __init__(self, catch_up: CatchUp) -> None:
        super().__init__()
        self._catch_up = catch_up

    def __call__(self, environ: Any, start_response: Any) -> Any:  # noqa: ARG002 - WSGI's
        """Send all of it here; the server is told that there is nothing left to send."""
        self._catch_up.send_and_hand_over(self._head())
        return ALREADY_HANDLED

    def _head(self) -> bytes:
        """Return the answer's head; without a length or chunks, its body ends with the connection.

        RFC 9112, 6.3.
        """
        del self.headers["Content-Length"]
        fields = [*self.headers.items(), ("Date", http_date()), ("Connection", "close")]
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in fields)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
