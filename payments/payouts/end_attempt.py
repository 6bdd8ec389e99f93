"""How an attempt at a payout ends without the money having left, and what the payout is then."""

import datetime as dt

from sqlalchemy.orm import Session

import ledger
from payments.payouts.tables import PayoutAttempt, SellerPayout
from payments.payouts.wake_up import wake_up

NOT_YET = frozenset({"funds_not_available", "insufficient_funds"})
"""Failures that time cures: the money a payout is made of is still on its way to us."""

PATIENCE = dt.timedelta(days=7)
_SOONEST = dt.timedelta(minutes=5)
_LATEST = dt.timedelta(hours=6)
_OTHERWISE = "provider_refused"


def attempt_failed(
    session: Session,
    payout: SellerPayout,
    attempt: PayoutAttempt,
    *,
    code: str | None,
    now: dt.datetime,
) -> None:
    """End an attempt that paid nothing: the money is the seller's again.

    Where it had not come to us yet, another attempt is made in a while, a week long.
    """
    attempt.state, attempt.ended_at = "failed", now
    attempt.failure_code = code or _OTHERWISE
    waited = now - payout.created_at
    if code in NOT_YET and waited < PATIENCE:
        payout.status, payout.updated_at = "queued", now
        payout.due_at = now + min(max(waited, _SOONEST), _LATEST)
        wake_up(session, now=now, due_at=payout.due_at)
        return
    if payout.hold_id is not None:
        ledger.void_hold(session.connection(), payout.hold_id, now=now)
    payout.hold_id, payout.due_at = None, None
    settle_status(payout, code=attempt.failure_code, paid_at=None, now=now)


def settle_status(
    payout: SellerPayout, *, code: str, paid_at: dt.datetime | None, now: dt.datetime
) -> None:
    """Say whether a payout with nothing under way is paid, or has failed and why."""
    is_paid = payout.amount_paid == payout.amount
    payout.status = "paid" if is_paid else "failed"
    payout.failure_code = None if is_paid else code
    payout.paid_at = (paid_at or payout.paid_at or now) if is_paid else None
    payout.updated_at = now
