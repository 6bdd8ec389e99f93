"""Puts up payouts to be asked about: money of theirs moved without our hearing of it."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.payouts.tables import SellerPayout
from payments.payouts.wake_up import wake_up


def ask_about_payouts(
    session: Session, *, payment_ids: Collection[str], provider: str, now: dt.datetime
) -> None:
    """Have all payouts of some payments' money that were sent asked about now."""
    if not payment_ids:
        return
    sent = session.scalars(
        select(SellerPayout)
        .where(
            SellerPayout.payment_id.in_(payment_ids),
            SellerPayout.provider == provider,
            SellerPayout.attempts > 0,
            SellerPayout.status != "queued",
        )
        .order_by(SellerPayout.id)
        .with_for_update()
    ).all()
    for payout in sent:
        payout.due_at = now if payout.due_at is None else min(payout.due_at, now)
    wake_up(session, now=now)
