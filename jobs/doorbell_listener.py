"""Waits for the doorbell, and no longer than the relay's own rhythm when nobody rings."""

import threading
import time

import redis
from redis.client import PubSub

from payments.delivery import doorbell
from payments.delivery.redis_channels import channel
from payments.log_lines import get_logger

REST_S = 0.1  # so much at least between two answers: a storm of rings is no storm of turns

_log = get_logger(__name__)


class DoorbellListener:
    """Listens on Redis; without Redis it only waits, and tries to listen again each time."""

    def __init__(self, client: redis.Redis, *, stopping: threading.Event) -> None:
        self._client = client
        self._stopping = stopping
        self._subscription: PubSub | None = None
        self._rested_at = 0.0

    def wait(self, timeout_s: float) -> None:
        """Return when somebody rings, or after `timeout_s` seconds."""
        try:
            subscription = self._subscription or self._subscribe()
            if subscription.get_message(timeout=timeout_s) is not None:
                self._hear_all_rings(subscription)
        except (redis.RedisError, OSError) as error:
            _log.warning("doorbell_not_heard", error=type(error).__name__)
            self.close()
            self._stopping.wait(timeout_s)

    def close(self) -> None:
        """Stop listening."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _subscribe(self) -> PubSub:
        subscription: PubSub = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis-py's
        subscription.subscribe(channel(self._client, doorbell.CHANNEL))
        self._subscription = subscription
        return subscription

    def _hear_all_rings(self, subscription: PubSub) -> None:
        """Take the rings of a crowd as one; a single ring is answered at once."""
        self._stopping.wait(max(0.0, self._rested_at - time.monotonic()))
        while subscription.get_message(timeout=0) is not None:
            pass
        self._rested_at = time.monotonic() + REST_S
