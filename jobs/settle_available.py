"""Job: move what Stripe has made available out of the pending account; Stripe is not asked."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.database import in_transaction
from payments.settlement import book_transactions

BATCH = 500
_BATCHES = 20  # a limit on one run; the rest goes next time


def settle_available(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Settle batch by batch until nothing is due, and return of how many transactions."""
    settled = 0
    for _ in range(_BATCHES):
        batch = in_transaction(
            context.engine,
            lambda session: book_transactions.settle_available(
                session, limit=BATCH, now=context.clock()
            ),
        )
        settled += batch
        if batch < BATCH:
            break
    return {"settled": settled}
