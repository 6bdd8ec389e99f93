"""Has what is queued sent soon: without it, the schedule would find it all the same."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.delivery import outbox
from payments.log_lines import current_request_id

JOB = "send_transactions"


def wake_up(session: Session, *, now: dt.datetime) -> None:
    """Stage a run of the senders, as part of this transaction; one that waits stands for all."""
    outbox.stage(session, job=JOB, coalesce_key=JOB, request_id=current_request_id(), now=now)
