"""Numbers live events and publishes them on Redis, where every web process listens."""

import redis
from sqlalchemy import Engine

from payments.crash_points import reach
from payments.database import in_transaction
from payments.delivery import live_events
from payments.delivery.redis_channels import channel
from payments.log_lines import get_logger

BATCH = 500

_log = get_logger(__name__)


def number_and_publish(engine: Engine, client: redis.Redis) -> int:
    """Publish a batch of new live events, and return how many it was.

    Numbering does not need Redis: web processes that hear nothing read PostgreSQL themselves.

    Raises:
        OperationalError: PostgreSQL is away.
    """
    events = in_transaction(
        engine, lambda session: live_events.number_pending(session, limit=BATCH)
    )
    if events:
        reach("relay.numbered")
        try:
            client.publish(channel(client, live_events.CHANNEL), live_events.to_wire(events))
        except (redis.RedisError, OSError) as error:
            _log.info("live_events_not_published", error=type(error).__name__)
        reach("relay.published")
    return len(events)
