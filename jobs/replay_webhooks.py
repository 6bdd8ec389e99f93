"""Job: make the replay of webhook events that an operator asked for, however long it takes."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from jobs.come_back import come_back
from jobs.context import JobContext
from payments.delivery import doorbell
from payments.errors import UnavailableError
from payments.webhooks.request_replay import JOB
from payments.webhooks.run_replay import postpone, take_step

BUSY_FOR = dt.timedelta(seconds=60)
"""After this long the job makes room for others and goes on in its next run."""

STRIPE_AWAY = dt.timedelta(seconds=30)
"""How long it waits when Stripe does not answer."""


def replay_webhooks(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Make steps of the replay `replay_id` until it is done or the time is over."""
    replay_id, started, steps = args["replay_id"], context.clock(), 0
    try:
        while _step(context, replay_id):
            steps += 1
            doorbell.ring(context.bell)  # the drain need not wait for the other steps
            if context.clock() - started > BUSY_FOR:
                come_back(context, JOB, args)
                break
    except UnavailableError as error:
        if postpone(context.engine, replay_id, str(error), now=context.clock()):
            come_back(context, JOB, args, after=STRIPE_AWAY)
    return {"steps": steps}


def _step(context: JobContext, replay_id: str) -> bool:
    return take_step(
        context.engine,
        replay_id,
        cipher=context.cipher,
        stripe=context.providers.stripe,
        now=context.clock(),
    )
