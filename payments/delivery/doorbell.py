"""The doorbell: tells the relay over Redis that there is something to do, if Redis is there.

Nothing depends on it. The relay looks by itself twice a second, so a lost ring costs time only.
"""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from payments.delivery.redis_channels import channel
from payments.log_lines import get_logger

CHANNEL = "doorbell"
_TIMEOUT_S = 0.2

_log = get_logger(__name__)


def connect(redis_url: str) -> redis.Redis:
    """Return a client fit for `ring`: it gives up soon, since somebody waits for an answer.

    It tries twice, because the first connection may be one that Redis closed long ago.
    """
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
    )


def ring(client: redis.Redis) -> None:
    """Wake the relay; call it after the commit. Never raises and never waits long."""
    try:
        client.publish(channel(client, CHANNEL), b"1")
    except (redis.RedisError, OSError) as error:
        _log.info("doorbell_not_rung", error=type(error).__name__)
