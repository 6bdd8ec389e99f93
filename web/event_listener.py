"""One Redis subscription for all event streams of a process, and what was not heard of there.

Redis only says that something happened first: a hole in the positions, or silence, sends the
listener to PostgreSQL, so nothing depends on a message arriving.
"""

import threading
import time
from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from payments.database import transaction
from payments.delivery import live_events
from payments.delivery.live_events import NumberedEvent
from payments.delivery.redis_channels import channel
from payments.log_lines import get_logger

HEAR_S = 1.0
SILENCE_S = 5.0
AWAY_S = 1.0
READ_LIMIT = 500

_log = get_logger(__name__)


class EventListener:
    """Hands every event on, once and in order of their positions, until `closing` is set."""

    def __init__(
        self,
        engine: Engine,
        redis_url: str,
        *,
        hand_on: Callable[[NumberedEvent], None],
        closing: threading.Event,
    ) -> None:
        self._engine = engine
        self._redis_url = redis_url
        self._hand_on = hand_on
        self._closing = closing
        self.position = 0
        """All up to here has been handed on."""

    def begin(self) -> int:
        """Begin after the newest event there is, and return its position.

        Raises:
            SQLAlchemyError: the database is away.
        """
        with transaction(self._engine) as session:
            self.position = live_events.last_position(session)
        return self.position

    def listen(self) -> None:
        """Hear and hand on, through any absence of Redis or PostgreSQL."""
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
        """Hand on what is published; after silence, and to begin with, look into PostgreSQL."""
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
                self._pass(event)

    def _survive_catching_up(self) -> None:
        try:
            self._catch_up()
        except SQLAlchemyError as error:
            _log.warning("live_events_not_read", error=type(error).__name__)

    def _catch_up(self) -> None:
        events = self._read()
        while events:
            for event in events:
                self._pass(event)
            events = self._read() if len(events) == READ_LIMIT else []

    def _read(self) -> list[NumberedEvent]:
        with transaction(self._engine) as session:
            return live_events.read_since(session, self.position, caller=None, limit=READ_LIMIT)

    def _pass(self, event: NumberedEvent) -> None:
        self._hand_on(event)
        self.position = event.position


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
