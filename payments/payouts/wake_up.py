"""Wakes the job that pays sellers."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.delivery import outbox

JOB = "pay_sellers"


def wake_up(session: Session, *, now: dt.datetime, due_at: dt.datetime | None = None) -> None:
    """Ask for a run at `due_at` (default: now) as part of this transaction; one stands for all."""
    outbox.stage(session, job=JOB, coalesce_key=JOB, due_at=due_at, now=now)
