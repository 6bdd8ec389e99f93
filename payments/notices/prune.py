"""Deletes notices that can be replayed no more, with what became of them."""

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from payments.notices.tables import Notice

KEPT = dt.timedelta(days=30)


def prune_notices(session: Session, *, created_before: dt.datetime, limit: int) -> int:
    """Delete up to `limit` notices made before a moment, and return how many."""
    old = (
        select(Notice.id)
        .where(Notice.created_at < created_before)
        .order_by(Notice.created_at)
        .limit(limit)
    )
    deleted = session.scalars(delete(Notice).where(Notice.id.in_(old)).returning(Notice.id))
    return len(deleted.all())
