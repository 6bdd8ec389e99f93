"""Named points at which a test kills the process, to prove that a crash there loses nothing.

Off unless a test arms one: then the n-th time a process comes by, it dies as by SIGKILL.
"""

import os
import signal
from dataclasses import dataclass


@dataclass
class _Armed:
    name: str | None = None
    visits_left: int = 0


_armed = _Armed()


def arm(point: str) -> None:
    """Die at a point: `refund.called`, or `refund.called:3` for the third visit."""
    name, _, visit = point.partition(":")
    _armed.name, _armed.visits_left = name, int(visit or 1)


def reach(name: str) -> None:
    """Come by the point `name`."""
    if _armed.name == name:
        _armed.visits_left -= 1
        if _armed.visits_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
