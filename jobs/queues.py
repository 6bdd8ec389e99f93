"""The queues as data: what they are for and how long a job in them may take."""

from dataclasses import dataclass

FUNCTION = "jobs.execution.run"
"""All that RQ is ever asked to call."""

WAITING_LIMIT = 100
"""How many jobs may wait in one Redis queue; the rest wait in PostgreSQL, which forgets none."""

PICK_UP_S = 10
"""How long a job may lie in Redis before the relay offers it again: Redis may have lost it."""

LEASE_S = 30
"""How long a worker that says nothing more holds its job: then it is dead, and the job runs again.

RQ itself would take seven minutes to notice.
"""

RENEW_S = 10
"""How often a worker says that it is still at its job."""


@dataclass(frozen=True)
class Queue:
    """A queue in Redis; a job in it is stopped after `timeout_s` seconds."""

    name: str
    timeout_s: int


URGENT = Queue("urgent", timeout_s=30)
CHAINS = Queue("chains", timeout_s=120)
ROUTINE = Queue("routine", timeout_s=300)
NOTICES = Queue("notices", timeout_s=60)
ALERTS = Queue("alerts", timeout_s=60)

QUEUES = {queue.name: queue for queue in (URGENT, ALERTS, CHAINS, ROUTINE, NOTICES)}
"""In the order in which a worker looks into them."""
