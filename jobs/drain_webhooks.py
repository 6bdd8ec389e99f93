"""Job: apply the webhook events that are due, batch by batch, until none is left."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.crash_points import reach
from payments.delivery import doorbell
from payments.webhooks.drain_inbox import Drained, drain_inbox

BATCH = 300
BUSY_FOR = dt.timedelta(seconds=15)
"""After this long the job ends, well before its time-out; the relay sees what is left."""


def drain_webhooks(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Drain the inbox and return how many events were done, ignored and set aside."""
    reach("drain.begun")
    started = context.clock()
    drained = Drained()
    while context.clock() - started < BUSY_FOR:
        batch = drain_inbox(
            context.engine,
            cipher=context.cipher,
            limit=BATCH,
            now=context.clock(),
            retry_window_h=context.settings.webhook_retry_window_h,
            banks=context.providers.banks,
        )
        drained += batch
        if batch.total < BATCH:
            break
        doorbell.ring(context.bell)  # the frontend need not wait for the other batches
    reach("drain.done")
    return {"done": drained.done, "ignored": drained.ignored, "set_aside": drained.set_aside}
