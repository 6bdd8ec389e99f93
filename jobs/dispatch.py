"""Moves what is due from the outbox into a queue: a lease in PostgreSQL, then a hint in Redis."""

import datetime as dt

import redis
from rq import Queue as RedisQueue
from sqlalchemy import Engine

from jobs.queues import FUNCTION, PICK_UP_S, QUEUES, WAITING_LIMIT, Queue
from jobs.redis_clients import redis_queue
from jobs.registry import find_job, jobs_of
from payments.crash_points import reach
from payments.database import in_transaction
from payments.delivery import outbox
from payments.delivery.outbox import Leased
from payments.standstill.standing import standing_still

FAILED_KEPT_S = 86_400


def dispatch(engine: Engine, client: redis.Redis, *, now: dt.datetime) -> int:
    """Queue every due row that there is room for, and return how many.

    A row is leased before it is queued; if the hint is lost, the lease runs out and the row is
    offered again. Redis is asked first, so that nothing is leased while it is away. While the
    database stands still after a restore, only what may go on meanwhile is queued.

    Raises:
        redis.RedisError: Redis is away.
        OperationalError: PostgreSQL is away.
    """
    if not in_transaction(engine, lambda session: outbox.has_due(session, now=now)):
        return 0
    is_still = in_transaction(engine, standing_still) is not None
    return sum(
        _dispatch(engine, client, queue, is_still=is_still, now=now) for queue in QUEUES.values()
    )


def _dispatch(
    engine: Engine, client: redis.Redis, queue: Queue, *, is_still: bool, now: dt.datetime
) -> int:
    waiting = redis_queue(queue.name, client)
    room = WAITING_LIMIT - len(waiting)
    if room <= 0:
        return 0
    leased = in_transaction(
        engine,
        lambda session: outbox.lease_due(
            session, limit=room, lease_s=PICK_UP_S, now=now, jobs=jobs_of(queue, is_still=is_still)
        ),
    )
    if leased:
        reach("relay.leased")
        _enqueue(waiting, leased)
        reach("relay.enqueued")
    return len(leased)


def _enqueue(waiting: RedisQueue, leased: list[Leased]) -> None:
    waiting.enqueue_many(
        [
            RedisQueue.prepare_data(
                FUNCTION,
                args=(row.id, str(row.lease_token)),
                timeout=find_job(row.job).timeout_s,
                result_ttl=0,
                failure_ttl=FAILED_KEPT_S,
                description=row.job,
            )
            for row in leased
        ]
    )
