"""What we sent to an escrow's chain for it, and how far its chain was read."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain.tables import ChainIntent
from payments.escrow.chain_head import read_head
from payments.escrow.tables import Escrow
from payments.lifecycle.tables import Refund
from payments.releases.tables import Release
from payments.watching.tables import ChainCursor


@dataclass(frozen=True)
class Sent:
    """Our transactions for an escrow, oldest first; `head` is the newest block that was read."""

    transactions: Sequence[ChainIntent]
    head: int | None
    read_at: dt.datetime | None
    stands_still: str | None


def sent_for(session: Session, escrow: Escrow) -> Sent:
    """Return what was sent for an escrow, its releases and its refunds."""
    releases = select(Release.id).filter_by(escrow_id=escrow.id)
    refunds = select(Refund.id).filter_by(payment_id=escrow.payment_id)
    subjects = [escrow.id, *session.scalars(releases), *session.scalars(refunds)]
    found = select(ChainIntent).where(ChainIntent.subject_id.in_(subjects))
    cursor = session.get(ChainCursor, escrow.chain)
    return Sent(
        transactions=session.scalars(found.order_by(ChainIntent.id)).all(),
        head=read_head(session, escrow.chain),
        read_at=None if cursor is None else cursor.scanned_at,
        stands_still=None if cursor is None else cursor.error,
    )
