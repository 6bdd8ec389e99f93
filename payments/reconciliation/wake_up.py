"""Has a run made soon: after a statement came in, and every hour by the schedule."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.delivery import outbox
from payments.log_lines import current_request_id

JOB = "reconcile"
SOON = dt.timedelta(seconds=5)
"""How long other statements may follow before the run begins: one run does for all of them."""


def wake_up(session: Session, *, now: dt.datetime) -> None:
    """Stage a run, as part of this transaction; one that still waits stands for all."""
    outbox.stage(
        session,
        job=JOB,
        coalesce_key=JOB,
        due_at=now + SOON,
        request_id=current_request_id(),
        now=now,
    )
