"""Job: write an export that somebody asked for."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.exports.write_export import write_export

BUSY_FOR = dt.timedelta(minutes=4, seconds=30)
"""What takes longer fails, with a sentence that says so, before the queue's time-out ends it."""


def make_export(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Write the export `export_id`; when it is ready already, there is nothing to do."""
    until = context.clock() + BUSY_FOR
    return {
        "rows": write_export(context.engine, args["export_id"], clock=context.clock, until=until)
    }
