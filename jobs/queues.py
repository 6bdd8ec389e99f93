"""The queues as data: what they are for and how long a job in them may take."""

from dataclasses import dataclass

WAITING_LIMIT = 100
"""How many jobs may wait in one Redis queue; the rest wait in PostgreSQL, which forgets none."""

PICK_UP_S = 10
"""How long a job may lie in Redis before the relay offers it again: Redis may have lost it."""

_MARGIN_S = 15


@dataclass(frozen=True)
class Queue:
    """A queue in Redis; a job in it is stopped after `timeout_s` seconds."""

    name: str
    timeout_s: int

    @property
    def lease_s(self) -> int:
        """How long a worker holds a job: a dead worker's job runs again after that."""
        return self.timeout_s + _MARGIN_S


URGENT = Queue("urgent", timeout_s=30)
ROUTINE = Queue("routine", timeout_s=300)

QUEUES = {queue.name: queue for queue in (URGENT, ROUTINE)}
"""In the order in which a worker looks into them."""
