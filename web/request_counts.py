"""Counts requests in Redis for all web processes together, and in this one while Redis is away.

Nobody waits for a Redis that is gone or slow: after one failure the process counts by itself, and
one request in two seconds looks whether Redis is back. Each process then allows the whole limit.
"""

import threading
import time
from functools import cached_property

import redis
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from payments.log_lines import get_logger

ANSWER_S = 0.1
ALONE_S = 2.0
_PREFIX = "strongroom:limits"

_log = get_logger(__name__)


class RequestCounts:
    """How often something happened in the minute that began when it first did."""

    def __init__(self, redis_url: str) -> None:
        # It tries twice, because the first connection may be one that Redis closed long ago.
        client = redis.Redis.from_url(
            redis_url,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 1),
        )
        self._pool = client.connection_pool
        storage = RedisStorage("redis://", connection_pool=self._pool, key_prefix=_PREFIX)
        self._together = FixedWindowRateLimiter(storage)
        self._lock = threading.Lock()
        self._alone_until_s = 0.0

    def wait_s(self, most: int, name: str, whom: str) -> float:
        """Count once more; return in how many seconds there is room again, zero for now."""
        item = RateLimitItemPerMinute(most, namespace=name)
        if self._is_redis_asked():
            try:
                waiting_s = _hit(self._together, item, whom)
            except (redis.RedisError, OSError) as error:
                self._go_on_alone(error)
            else:
                self._alone_until_s = 0.0
                return waiting_s
        return _hit(self._alone, item, whom)

    def close(self) -> None:
        """Close the connections that are idle now."""
        self._pool.disconnect()

    @cached_property
    def _alone(self) -> FixedWindowRateLimiter:
        return FixedWindowRateLimiter(MemoryStorage())

    def _is_redis_asked(self) -> bool:
        if not self._alone_until_s:
            return True
        with self._lock:
            if time.monotonic() < self._alone_until_s:
                return False
            self._alone_until_s = time.monotonic() + ALONE_S  # the others go on alone meanwhile
        return True

    def _go_on_alone(self, error: Exception) -> None:
        _log.warning("requests_counted_alone", error=type(error).__name__)
        self._alone_until_s = time.monotonic() + ALONE_S


def _hit(limiter: FixedWindowRateLimiter, item: RateLimitItemPerMinute, whom: str) -> float:
    if limiter.hit(item, whom):
        return 0.0
    return max(limiter.get_window_stats(item, whom).reset_time - time.time(), 0.001)
