"""Numbers live events, makes notices of them, and publishes them for the web processes."""

import redis
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from jobs.clock import clock
from payments.crash_points import reach
from payments.database import in_transaction
from payments.delivery import live_events
from payments.delivery.live_events import NumberedEvent
from payments.delivery.redis_channels import channel
from payments.log_lines import get_logger
from payments.notices.fan_out import fan_out
from payments.telemetry.measuring import count
from payments.telemetry.meters import EVENTS_PUBLISHED

BATCH = 500

_log = get_logger(__name__)


def number_and_publish(engine: Engine, client: redis.Redis) -> int:
    """Publish a batch of new live events, and return how many it was.

    Numbering does not need Redis: web processes that hear nothing read PostgreSQL themselves.

    Raises:
        OperationalError: PostgreSQL is away.
    """
    events = in_transaction(engine, _number)
    if events:
        count(EVENTS_PUBLISHED, by=len(events))
        reach("relay.numbered")
        try:
            client.publish(channel(client, live_events.CHANNEL), live_events.to_wire(events))
        except (redis.RedisError, OSError) as error:
            _log.info("live_events_not_published", error=type(error).__name__)
        reach("relay.published")
    return len(events)


def _number(session: Session) -> list[NumberedEvent]:
    events = live_events.number_pending(session, limit=BATCH)
    if events:
        fan_out(session, events, now=clock())
    return events
