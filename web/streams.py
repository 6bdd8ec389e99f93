"""What one client is sent on `GET /api/events`: first what it missed, then what happens.

No database connection is held while a stream waits, and what its caller may see is checked again
while it is open.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from payments.access.caller import Caller
from payments.database import transaction
from payments.delivery import live_events
from payments.delivery.live_events import NumberedEvent
from payments.errors import ForbiddenError, UnauthorizedError
from web.event_frames import frame_of, heartbeat, opening
from web.open_stream import Stream
from web.stream_hub import StreamHub

HEARTBEAT_S = 15.0
HEARTBEAT_EARLIER = 0.3
"""By up to this share: streams that were told something at once do not all show life at once."""

RECHECK_S = 60.0
READ_LIMIT = 500
_EXTENSION = "strongroom_streams"


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
class EventStream:
    """Yields the bytes of one stream.

    `recheck` returns who the same credential names now; the stream ends when that is somebody
    else or nobody.
    """

    hub: StreamHub
    engine: Engine
    stream: Stream
    last_event_id: int | None
    recheck: Callable[[], Caller]
    heartbeat_s: float = HEARTBEAT_S
    recheck_s: float = RECHECK_S

    def __iter__(self) -> Iterator[bytes]:
        position = self._start()
        yield opening(position)
        for event in self._missed(position):
            position = event.position
            yield frame_of(event).text
        yield from self._live(position)

    def _start(self) -> int:
        """Return the position to go on from; one from the future is of another database."""
        with transaction(self.engine) as session:
            newest = live_events.last_position(session)
        return newest if self.last_event_id is None else min(self.last_event_id, newest)

    def _missed(self, position: int) -> Iterator[NumberedEvent]:
        """Yield what came after `position`; whatever comes meanwhile is offered by the hub too."""
        if self.last_event_id is None:
            return
        while not self.stream.ended:
            with transaction(self.engine) as session:
                events = live_events.read_since(
                    session, position, caller=self.stream.caller, limit=READ_LIMIT
                )
            yield from events
            if len(events) < READ_LIMIT:
                return
            position = events[-1].position

    def _live(self, position: int) -> Iterator[bytes]:
        next_heartbeat = self._next_heartbeat()
        next_check = time.monotonic() + self.recheck_s
        while not self.stream.ended:
            # Read before waiting: if nothing waits then, all up to here has been sent.
            offered = self.hub.position
            frame = self.stream.take(timeout_s=min(next_heartbeat, next_check) - time.monotonic())
            if time.monotonic() >= next_check:
                if not self._still_allowed():
                    return
                next_check = time.monotonic() + self.recheck_s
            if frame is not None and frame.position > position:
                position = frame.position
                yield frame.text
            elif frame is None and not self.stream.ended and time.monotonic() >= next_heartbeat:
                position = max(position, offered)
                yield heartbeat(position)
            else:
                continue
            next_heartbeat = self._next_heartbeat()

    def _next_heartbeat(self) -> float:
        early = random.random() * HEARTBEAT_EARLIER  # noqa: S311 - jitter, not a secret
        return time.monotonic() + self.heartbeat_s * (1 - early)

    def _still_allowed(self) -> bool:
        try:
            return self.recheck() == self.stream.caller
        except (UnauthorizedError, ForbiddenError):
            return False
        except SQLAlchemyError:
            return True  # nothing can be read now, by us either; asked again in a minute
