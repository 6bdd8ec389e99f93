"""Until when a payment by bank may be paid: its own deadline, or a later one it was given."""

import datetime as dt

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from payments.lifecycle.tables import DeadlineExtension, Payment


def effective_deadline(session: Session, row: Payment) -> dt.datetime:
    """Return the moment until which the payment may be paid, extensions counted.

    Raises:
        ValueError: it has no deadline: it is not one by bank.
    """
    if row.expires_at is None:
        raise ValueError(f"{row.id} has no deadline")
    of_it = or_(DeadlineExtension.payment_id == row.id, DeadlineExtension.provider == row.provider)
    latest = session.scalar(select(func.max(DeadlineExtension.extended_until)).where(of_it))
    return row.expires_at if latest is None else max(row.expires_at, latest)


def extended_until(
    session: Session, *, payment_id: str, provider: str, now: dt.datetime
) -> dt.datetime | None:
    """Return until when an extension in force keeps the payment open; None when none does."""
    of_it = or_(DeadlineExtension.payment_id == payment_id, DeadlineExtension.provider == provider)
    in_force = (DeadlineExtension.created_at <= now) & (DeadlineExtension.extended_until > now)
    latest: dt.datetime | None = session.scalar(
        select(func.max(DeadlineExtension.extended_until)).where(of_it, in_force)
    )
    return latest
