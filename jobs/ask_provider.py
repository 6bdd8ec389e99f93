"""Job: ask a provider about the payments that an operator wants to know about."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from jobs.come_back import come_back
from jobs.context import JobContext
from payments.errors import UnavailableError
from payments.pending.request_ask import JOB
from payments.pending.run_ask import postpone, take_step

BUSY_FOR = dt.timedelta(seconds=60)
"""After this long the job makes room for others and goes on in its next run."""

SILENT_FOR = dt.timedelta(seconds=30)
"""How long it waits when the provider does not answer."""


def ask_provider(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Make steps of the ask `ask_id` until it is done or the time is over."""
    ask_id, started, steps = args["ask_id"], context.clock(), 0
    try:
        while take_step(context.engine, ask_id, providers=context.providers, now=context.clock()):
            steps += 1
            if context.clock() - started > BUSY_FOR:
                come_back(context, JOB, args)
                break
    except UnavailableError as error:
        if postpone(context.engine, ask_id, str(error), now=context.clock()):
            come_back(context, JOB, args, after=SILENT_FOR)
    return {"steps": steps}
