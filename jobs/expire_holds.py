"""Job: give back holds of the ledger whose time is over."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from ledger import expire_holds as expire_ledger_holds

_BATCHES = 100  # a limit on one run; the rest goes next time


def expire_holds(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Expire batch by batch until none is due, and return how many holds that were."""
    expired = 0
    for _ in range(_BATCHES):
        with context.engine.begin() as connection:
            batch = len(expire_ledger_holds(connection, now=context.clock()))
        expired += batch
        if batch == 0:
            break
    return {"holds": expired}
