"""Wakes the job that reads our balance at Stripe: what an event says is only a reason to look."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.delivery import outbox

JOB = "sync_stripe_balance"
SOON = dt.timedelta(seconds=2)
"""Many events come together: they are answered by one look."""

_MOVES_MONEY = ("charge.", "payout.", "refund.", "topup.", "transfer.", "balance.")
_CHARGED = "payment_intent.succeeded"


def changes_balance(event_type: str) -> bool:
    """Whether Stripe's event of this type may mean that our balance there has moved."""
    return event_type == _CHARGED or event_type.startswith(_MOVES_MONEY)


def wake_up(session: Session, *, now: dt.datetime) -> None:
    """Ask for a look, as part of this transaction; one waiting look stands for all."""
    outbox.stage(session, job=JOB, coalesce_key=JOB, due_at=now + SOON, now=now)
