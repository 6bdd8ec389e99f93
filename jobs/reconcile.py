"""Job: make a reconciliation run, or go on with one; only one is made at a time."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.come_back import come_back
from jobs.context import JobContext
from payments.database import in_transaction
from payments.reconciliation.progress import turn
from payments.reconciliation.request_run import BY_SCHEDULE, add_run
from payments.reconciliation.run import Means
from payments.reconciliation.run import reconcile as make_run
from payments.reconciliation.tables import ReconciliationRun
from payments.reconciliation.wake_up import JOB

BUSY_FOR = dt.timedelta(minutes=4)
"""After this long a run makes room for other jobs and goes on in its next one."""

TURN_TAKEN = dt.timedelta(seconds=5)
"""How long a run waits for another one that is being made."""


def reconcile(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Make the run `run_id`, or without one a run of the schedule's own."""
    run_id: str | None = args.get("run_id")
    with turn(context.engine) as is_ours:
        if not is_ours:
            come_back(context, JOB, args, after=TURN_TAKEN)
            return {}
        run_id = run_id or in_transaction(
            context.engine, lambda session: _scheduled(session, now=context.clock())
        )
        means = Means(
            engine=context.engine,
            providers=context.providers,
            clock=context.clock,
        )
        figures = make_run(means, run_id, until=context.clock() + BUSY_FOR)
    if figures is None:
        come_back(context, JOB, {"run_id": run_id})
        return {}
    return figures


def _scheduled(session: Session, *, now: dt.datetime) -> str:
    """Return the scheduled run that was broken off, or a new one: we have the turn."""
    begun = select(ReconciliationRun.id).where(
        ReconciliationRun.requested_by == BY_SCHEDULE,
        ReconciliationRun.status.in_(("waiting", "running")),
    )
    found = session.scalar(begun.order_by(ReconciliationRun.id.desc()).limit(1))
    return found or add_run(session, requested_by=BY_SCHEDULE, now=now).id
