"""How far behind webhooks, jobs, live events and notices are, and what nobody tries any more."""

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, text

from payments.overview.job_queues import QUEUE_NAMES, queue_of

_INBOX = text("""
    SELECT provider, count(*) AS n, count(*) FILTER (WHERE attempts > 0) AS tried,
           min(due_at) AS due, min(received_at) AS oldest
      FROM strongroom.webhook_inbox WHERE state = 'new' GROUP BY provider ORDER BY provider
""")
# Its states stand one by one, as in the indexes: those that are done are many more.
_OUTBOX = text("""
    SELECT job, count(*) FILTER (WHERE state = 'waiting' AND due_at <= :now) AS due,
           count(*) FILTER (WHERE state = 'leased') AS running,
           count(*) FILTER (WHERE state = 'waiting' AND due_at > :now) AS later,
           min(due_at) FILTER (WHERE state = 'waiting' OR lease_until <= :now) AS oldest
      FROM strongroom.outbox WHERE state = 'waiting' OR state = 'leased' GROUP BY job
""")
_LIVE_EVENTS = text("""
    SELECT count(*) AS n, min(created_at) AS oldest
      FROM strongroom.live_events WHERE position IS NULL
""")
_NOTICES = text("""
    SELECT count(*) AS n, min(due_at) AS oldest
      FROM strongroom.notice_deliveries d JOIN strongroom.notice_endpoints e ON e.id = d.endpoint_id
     WHERE d.state = 'waiting' AND d.due_at <= :now AND e.status = 'enabled'
       AND (e.paused_until IS NULL OR e.paused_until <= :now)
""")
_DEAD = text("""
    SELECT 'webhook' AS kind, count(*) AS n FROM strongroom.webhook_inbox
     WHERE state = 'dead' AND discard_id IS NULL
    UNION ALL SELECT 'job', count(*) FROM strongroom.outbox
     WHERE state = 'dead' AND discard_id IS NULL
    UNION ALL SELECT 'notice', count(*) FROM strongroom.notice_deliveries d
     WHERE state = 'failed' AND discard_id IS NULL AND NOT EXISTS (SELECT
           FROM strongroom.notice_endpoints WHERE id = d.endpoint_id AND status = 'deleted')
""")


@dataclass(frozen=True)
class InboxLag:
    """Webhooks of a provider that are not applied: `tried` of them in vain, so far.

    `behind_s`: for how many seconds the first is due. `oldest_s`: how old the oldest is, which
    may wait for something else to happen first.
    """

    provider: str
    count: int
    tried: int
    behind_s: float
    oldest_s: float


class QueueLag(NamedTuple):
    """Jobs of a queue that are due, running, and for later; `behind_s`: how long the first is due.

    Those of which a worker died count as due again.
    """

    queue: str
    due: int
    running: int
    later: int
    behind_s: float


@dataclass(frozen=True)
class Waiting:
    """How many wait for the relay or a worker, and for how many seconds the oldest does."""

    count: int
    behind_s: float


@dataclass(frozen=True)
class DeadLetters:
    """What failed in every attempt, of one kind: `webhook`, `job` or `notice`."""

    kind: str
    count: int


def read_inbox_lag(connection: Connection, *, now: dt.datetime) -> list[InboxLag]:
    """Return how far behind we are with each provider's webhooks; nothing: with none."""
    return [
        InboxLag(row.provider, row.n, row.tried, _age(row.due, now), _age(row.oldest, now))
        for row in connection.execute(_INBOX)
    ]


def read_outbox_lag(connection: Connection, *, now: dt.datetime) -> list[QueueLag]:
    """Return how far behind each queue is: all of them, in the order in which workers look."""
    found = {name: QueueLag(name, 0, 0, 0, 0) for name in QUEUE_NAMES}
    for row in connection.execute(_OUTBOX, {"now": now}):
        so_far = found[queue_of(row.job)]
        found[so_far.queue] = QueueLag(
            so_far.queue,
            so_far.due + row.due,
            so_far.running + row.running,
            so_far.later + row.later,
            max(so_far.behind_s, _age(row.oldest, now)),
        )
    return list(found.values())


def read_live_event_lag(connection: Connection, *, now: dt.datetime) -> Waiting:
    """Return which changes the relay has not told yet."""
    row = connection.execute(_LIVE_EVENTS).one()
    return Waiting(row.n, _age(row.oldest, now))


def read_notice_lag(connection: Connection, *, now: dt.datetime) -> Waiting:
    """Return which notices are due to endpoints that take them."""
    row = connection.execute(_NOTICES, {"now": now}).one()
    return Waiting(row.n, _age(row.oldest, now))


def read_dead_letters(connection: Connection) -> list[DeadLetters]:
    """Return how many of each kind wait for a person."""
    return [DeadLetters(row.kind, row.n) for row in connection.execute(_DEAD)]


def _age(since: dt.datetime | None, now: dt.datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)
