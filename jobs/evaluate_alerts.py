"""Job: look whether anything is so that people must be told, or so no more."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.alerts.all_conditions import CONDITIONS, conditions_unreadable
from payments.alerts.evaluate import evaluate_all
from payments.alerts.tell import wake_up_for_leftovers
from payments.database import in_transaction


def evaluate_alerts(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Look at every condition and return how many are true, and how many cannot be looked at.

    It also sees to it that messages which did not arrive are sent again.
    """
    done = evaluate_all(
        context.engine,
        CONDITIONS,
        settings=context.settings,
        clock=context.clock,
        unreadable=conditions_unreadable,
    )
    in_transaction(
        context.engine, lambda session: wake_up_for_leftovers(session, now=context.clock())
    )
    return {"true": done.true, "unreadable": len(done.unreadable)}
