"""The most a signer moves at once, and in any 24 hours."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.chain.instructions import refused
from payments.chain.tables import ChainIntent
from payments.chain_settings import ChainSettings

_DAY = dt.timedelta(hours=24)
_MOVES_NOTHING = ("queued", "canceled", "failed")


def refuse_above_limits(
    session: Session, intent: ChainIntent, *, chain: ChainSettings, now: dt.datetime
) -> None:
    """Refuse an intent that moves too much: by itself, or with what was signed in 24 hours.

    Lock the signer first, or two of them may pass at once.

    Raises:
        SigningRefusedError: it does (`limit_transaction`, or `limit_day`, which time ends).
    """
    if intent.amount == 0 and intent.asset is None:
        return
    limits = None if intent.asset is None else chain.limits.get(intent.asset)
    if limits is None:
        raise refused("limit_transaction", f"{intent.asset} has no limits, so none is moved.")
    if intent.amount > min(limits.transaction, limits.day):
        raise refused(
            "limit_transaction",
            f"{intent.amount} {intent.asset} are more than the {limits.transaction} of one "
            f"transaction, or the {limits.day} of a day.",
        )
    moved = moved_in_a_day(session, intent, now=now)
    if moved + intent.amount > limits.day:
        raise refused(
            "limit_day",
            f"{intent.amount} {intent.asset} more than the {moved} of the last 24 hours are more "
            f"than the {limits.day} of a day.",
        )


def moved_in_a_day(session: Session, intent: ChainIntent, *, now: dt.datetime) -> int:
    """Return what other intents of the same signer and asset were signed for in 24 hours."""
    total = select(func.coalesce(func.sum(ChainIntent.amount), 0)).where(
        ChainIntent.chain == intent.chain,
        ChainIntent.signer == intent.signer,
        ChainIntent.asset == intent.asset,
        ChainIntent.id != intent.id,
        ChainIntent.signed_at > now - _DAY,
        ChainIntent.state.not_in(_MOVES_NOTHING),
    )
    return int(session.execute(total).scalar_one())
