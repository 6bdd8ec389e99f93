"""How jobs talk to Redis: the right time-outs for those who wait in it and those who do not."""

import redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry
from rq import Queue as RedisQueue
from rq.serializers import JSONSerializer


def connect_for_commands(redis_url: str) -> redis.Redis:
    """Return a client for quick commands: it fails within seconds, and its user goes on without."""
    return redis.Redis.from_url(
        redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1)
    )


def connect_for_worker(redis_url: str) -> redis.Redis:
    """Return a client for RQ's worker, which blocks while it waits for work.

    RQ raises the socket's time-out above the time it blocks; a shorter one would give up
    waiting, ask again, and lose a job that was handed out in between. Answers stay bytes: RQ
    cannot work with a client that decodes them.
    """
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=None,
        socket_connect_timeout=2,
        health_check_interval=10,
        retry=Retry(ConstantBackoff(0.2), 1),
    )


def redis_queue(name: str, client: redis.Redis) -> RedisQueue:
    """Return RQ's queue of a name; arguments are JSON, which is no code, unlike a pickle."""
    return RedisQueue(name, connection=client, serializer=JSONSerializer)
