"""One Redis subscription for all open event streams of a process, and the fan-out to them.

Redis only says that something happened first: a hole in the positions, or silence, sends the hub
to PostgreSQL, so nothing depends on a message arriving.
"""

import socket
import threading
import time
from collections import defaultdict

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from payments.access.caller import Caller
from payments.database import transaction
from payments.delivery import live_events
from payments.delivery.live_events import NumberedEvent
from payments.delivery.redis_channels import channel
from payments.errors import TooManyRequestsError
from payments.log_lines import get_logger
from web.event_frames import frame_of
from web.open_stream import Stream

STREAMS_PER_PRINCIPAL = 5
HEAR_S = 1.0
SILENCE_S = 5.0
AWAY_S = 1.0
READ_LIMIT = 500
TURN = 50
_EVERYTHING, _NOBODY = "*", "-"  # no party id has these forms

_log = get_logger(__name__)


class StreamHub:
    """All open streams of a process; it begins to listen with the first."""

    def __init__(self, engine: Engine, redis_url: str) -> None:
        self._engine = engine
        self._redis_url = redis_url
        self._lock = threading.Lock()
        self._by_principal: dict[str, list[Stream]] = defaultdict(list)
        self._by_audience: dict[str, set[Stream]] = defaultdict(set)
        self._listener: threading.Thread | None = None
        self._closing = threading.Event()
        self.position = 0

    def join(self, caller: Caller, connection: socket.socket | None) -> Stream:
        """Open a stream: from now on it is offered every event that its caller may see.

        Raises:
            TooManyRequestsError: the caller has too many open already.
            SQLAlchemyError: this is the first stream, and the database is away.
        """
        with self._lock:
            self._start_listening()
            mine = self._by_principal[caller.principal]
            if len(mine) >= STREAMS_PER_PRINCIPAL:
                for stream in [stream for stream in mine if stream.is_abandoned()]:
                    self._remove(stream)
            if len(mine) >= STREAMS_PER_PRINCIPAL:
                raise TooManyRequestsError(
                    f"There are {STREAMS_PER_PRINCIPAL} event streams open already; close one."
                )
            stream = Stream(caller, connection)
            self._by_principal[caller.principal].append(stream)
            self._by_audience[_audience_of(caller)].add(stream)
        if self._closing.is_set():
            stream.end()
        return stream

    def leave(self, stream: Stream) -> None:
        """Forget a stream; the same again changes nothing."""
        with self._lock:
            self._remove(stream)

    def count(self) -> int:
        """Return how many streams are open."""
        with self._lock:
            return sum(map(len, self._by_principal.values()))

    def close(self) -> None:
        """End all streams and stop listening, for a process that is about to stop."""
        self._closing.set()
        with self._lock:
            streams = [stream for mine in self._by_principal.values() for stream in mine]
        for stream in streams:
            stream.end()

    def wait_until_closed(self) -> None:
        """Wait until a closed hub has let go of Redis."""
        if self._listener is not None:
            self._listener.join()

    def _remove(self, stream: Stream) -> None:
        stream.end()
        principal, audience = stream.caller.principal, _audience_of(stream.caller)
        if stream in self._by_principal.get(principal, ()):
            self._by_principal[principal].remove(stream)
            self._by_audience[audience].discard(stream)
        # Keep no empty places for everybody who ever listened.
        if not self._by_principal.get(principal):
            self._by_principal.pop(principal, None)
        if not self._by_audience.get(audience):
            self._by_audience.pop(audience, None)

    def _start_listening(self) -> None:
        if self._listener is None:
            with transaction(self._engine) as session:
                self.position = live_events.last_position(session)
            self._listener = threading.Thread(target=self._listen, daemon=True, name="streams")
            self._listener.start()

    def _listen(self) -> None:
        """Hear and fan out, through any absence of Redis or PostgreSQL."""
        with _connect(self._redis_url) as client:
            while not self._closing.is_set():
                try:
                    self._hear_while_connected(client)
                except (redis.RedisError, OSError) as error:
                    _log.warning("live_events_not_heard", error=type(error).__name__)
                except Exception:  # noqa: BLE001 - without a listener all streams here are deaf
                    _log.exception("live_events_listener_failed")
                self._survive_catching_up()
                self._closing.wait(AWAY_S)

    def _hear_while_connected(self, client: redis.Redis) -> None:
        """Fan out what is published; after silence, and to begin with, look into PostgreSQL."""
        with _subscribe(client) as subscription:
            next_look = 0.0
            while not self._closing.is_set():
                message = subscription.get_message(timeout=HEAR_S)
                if message is not None and message["type"] == "message":
                    self._take(live_events.from_wire(message["data"]))
                elif time.monotonic() < next_look:
                    continue
                else:
                    self._survive_catching_up()
                next_look = time.monotonic() + SILENCE_S

    def _take(self, events: list[NumberedEvent]) -> None:
        for event in events:
            if event.position > self.position + 1:
                self._survive_catching_up()
            # While PostgreSQL is away a hole stays one: it is looked for again before going on.
            if event.position == self.position + 1:
                self._fan_out(event)

    def _survive_catching_up(self) -> None:
        try:
            self._catch_up()
        except SQLAlchemyError as error:
            _log.warning("live_events_not_read", error=type(error).__name__)

    def _catch_up(self) -> None:
        events = self._read()
        while events:
            for event in events:
                self._fan_out(event)
            events = self._read() if len(events) == READ_LIMIT else []

    def _read(self) -> list[NumberedEvent]:
        with transaction(self._engine) as session:
            return live_events.read_since(session, self.position, caller=None, limit=READ_LIMIT)

    def _fan_out(self, event: NumberedEvent) -> None:
        """Offer an event to all who may see it, and only then count it as offered."""
        frame = frame_of(event)
        with self._lock:
            streams = {
                stream
                for audience in (_EVERYTHING, *event.audience)
                for stream in self._by_audience.get(audience, ())
            }
        for offered, stream in enumerate(streams, start=1):
            stream.offer(frame)
            if offered % TURN == 0:
                time.sleep(0)  # thousands of streams, and other requests have their turn
        self.position = event.position


def _audience_of(caller: Caller) -> str:
    return _EVERYTHING if caller.sees_everyone else caller.party_id or _NOBODY


def _connect(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 0),
    )


def _subscribe(client: redis.Redis) -> PubSub:
    subscription: PubSub = client.pubsub()  # type: ignore[no-untyped-call] # redis-py's
    subscription.subscribe(channel(client, live_events.CHANNEL))
    return subscription
