"""Wakes the job that drains the inbox: one waiting wake-up stands for any number of events."""

import datetime as dt

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from payments.delivery import outbox
from payments.delivery.tables import OutboxRow
from payments.webhooks.tables import IS_NEW, InboxEvent

JOB = "drain_webhooks"


def wake_up(session: Session, *, now: dt.datetime, request_id: str | None) -> None:
    """Ask for a drain, as part of the transaction that wrote an event."""
    outbox.stage(session, job=JOB, coalesce_key=JOB, request_id=request_id, now=now)


def wake_up_for_leftovers(session: Session, *, now: dt.datetime) -> None:
    """Ask for a drain if an event is due and nobody has been asked.

    That is an event whose back-off is over, or one that committed just after the wake-up it
    counted on had been leased.
    """
    due = exists().where(IS_NEW, InboxEvent.due_at <= now)
    asked = exists().where(OutboxRow.job == JOB, outbox.IS_OPEN)
    if session.scalar(select(due & ~asked)):
        wake_up(session, now=now, request_id=None)
