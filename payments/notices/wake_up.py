"""Wakes the job that sends notices: one that waits stands for all."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.delivery import outbox

JOB = "send_notices"


def wake_up(session: Session, *, now: dt.datetime) -> None:
    """Have due notices sent, as part of this transaction."""
    outbox.stage(session, job=JOB, coalesce_key=JOB, now=now)
