"""All open event streams of a process, and the fan-out to them.

A live stream is its socket and a few words of memory: no greenlet, no queue, no request. The hub
writes every event straight to all sockets that may have it, without waiting for any.
"""

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from sqlalchemy import Engine

from payments.access.caller import Caller
from payments.delivery.live_events import EVERYBODY, NumberedEvent
from payments.errors import TooManyRequestsError
from payments.telemetry.measuring import level
from payments.telemetry.meters import STREAMS as OPEN
from web.event_frames import Frame, frame_of
from web.event_listener import EventListener
from web.open_stream import Stream
from web.stream_care import HEARTBEAT_S, RECHECK_S, StreamCare

STREAMS = 10_000
STREAMS_PER_PRINCIPAL = 5
TURN_S = 0.000_5
_MOMENT_S = 0.000_1
_EVERYTHING, _NOBODY = "*", "-"  # no party id has these forms


class StreamHub:
    """All open streams of a process; it begins to listen with the first."""

    def __init__(
        self,
        engine: Engine,
        redis_url: str,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        recheck_s: float = RECHECK_S,
    ) -> None:
        self._lock = threading.RLock()
        self._count = 0
        self._by_principal: dict[str, list[Stream]] = defaultdict(list)
        self._by_audience: dict[str, set[Stream]] = defaultdict(set)
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._begun = 0  # whoever goes live now is not offered what came up to here
        self._listener = EventListener(
            engine, redis_url, hand_on=self._fan_out, closing=self._closing
        )
        self._care = StreamCare(
            lock=self._lock,
            told=lambda: self.position,
            leave=self.leave,
            heartbeat_s=heartbeat_s,
            recheck_s=recheck_s,
        )

    @property
    def position(self) -> int:
        """Up to where every live stream has been told what its caller may see."""
        return self._listener.position

    def join(
        self, caller: Caller, connection: socket.socket | None, recheck: Callable[[], Caller]
    ) -> Stream:
        """Take a place for a stream, which catches up and then goes live.

        Raises:
            TooManyRequestsError: the caller, or all together, have too many open already.
            SQLAlchemyError: this is the first stream, and the database is away.
        """
        with self._lock:
            self._start_listening()
            self._look_for_a_place(caller.principal)
            stream = Stream(caller, connection, recheck)
            self._by_principal[caller.principal].append(stream)
            self._count += 1
            level(OPEN, self._count)
        return stream

    def go_live(self, stream: Stream, position: int) -> bool:
        """Offer a stream that knows all up to `position` whatever comes after.

        Returns whether the stream's request is done with it. False: it has missed something, which
        only PostgreSQL can tell it now.
        """
        with self._lock:
            if self._closing.is_set():
                self.leave(stream)
            if stream.ended:
                return True
            if self._begun > position:
                return False
            stream.go_live(position)
            self._by_audience[_audience_of(stream.caller)].add(stream)
            self._care.add(stream)
        return True

    def leave(self, stream: Stream) -> None:
        """End and forget a stream; the same again changes nothing."""
        with self._lock:
            stream.end()
            self._care.remove(stream)
            principal, audience = stream.caller.principal, _audience_of(stream.caller)
            if stream in self._by_principal.get(principal, ()):
                self._by_principal[principal].remove(stream)
                self._count -= 1
                level(OPEN, self._count)
            self._by_audience.get(audience, set()).discard(stream)
            # Keep no empty places for everybody who ever listened.
            if not self._by_principal.get(principal):
                self._by_principal.pop(principal, None)
            if not self._by_audience.get(audience):
                self._by_audience.pop(audience, None)

    def count(self) -> int:
        """Return how many streams are open."""
        return self._count

    def close(self) -> None:
        """End all streams and stop listening, for a process that is about to stop."""
        self._closing.set()
        with self._lock:
            for stream in [stream for mine in self._by_principal.values() for stream in mine]:
                self.leave(stream)

    def wait_until_closed(self) -> None:
        """Wait until a closed hub has let go of Redis."""
        for thread in self._threads:
            thread.join()

    def _look_for_a_place(self, principal: str) -> None:
        mine = self._by_principal.get(principal, [])
        if len(mine) >= STREAMS_PER_PRINCIPAL:
            for stream in [stream for stream in mine if stream.is_abandoned()]:
                self.leave(stream)
        if len(mine) >= STREAMS_PER_PRINCIPAL:
            raise TooManyRequestsError(
                f"There are {STREAMS_PER_PRINCIPAL} event streams open already; close one."
            )
        if self._count >= STREAMS:
            raise TooManyRequestsError(f"This process has {STREAMS} event streams; come back.")

    def _start_listening(self) -> None:
        if not self._threads:
            self._begun = self._listener.begin()
            for work in (
                self._listener.listen,
                lambda: self._care.show_life(self._closing),
                self._care.check_rights,
            ):
                self._threads.append(threading.Thread(target=work, daemon=True, name="streams"))
                self._threads[-1].start()

    def _fan_out(self, event: NumberedEvent) -> None:
        """Offer an event to all live streams that may have it."""
        with self._lock:
            self._begun = event.position
            everybody = EVERYBODY in event.audience
            wanted = self._by_audience if everybody else (_EVERYTHING, *event.audience)
            streams = {
                stream for audience in wanted for stream in self._by_audience.get(audience, ())
            }
        frame, rest = frame_of(event), iter(streams)
        while self._offer_for_a_while(frame, rest):
            # Thousands of streams, and other requests have their turn. Under gevent a sleep of zero
            # does not look for what has come in on other connections; any other does.
            time.sleep(_MOMENT_S)

    def _offer_for_a_while(self, frame: Frame, streams: Iterator[Stream]) -> bool:
        """Return whether some may be left."""
        until_s = time.monotonic() + TURN_S
        with self._lock:
            for stream in streams:
                stream.tell(frame)
                if stream.ended:
                    self.leave(stream)
                elif stream.is_behind:
                    self._care.note_behind(stream)
                if time.monotonic() > until_s:
                    return True
        return False


def _audience_of(caller: Caller) -> str:
    return _EVERYTHING if caller.sees_everyone else caller.party_id or _NOBODY
