"""Shows which deadlines were put off, by whom and why."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.lifecycle.tables import DeadlineExtension


@dataclass(frozen=True, kw_only=True)
class ExtensionView:
    """What was asked for at once: for so many `payments`, or for all with a `provider`."""

    id: str
    extended_until: dt.datetime
    provider: str | None
    payments: int | None
    created_by: str
    reason: str
    created_at: dt.datetime


def list_extensions(session: Session, *, limit: int) -> Sequence[ExtensionView]:
    """Return up to `limit` extensions, newest first."""
    row = DeadlineExtension
    found = (
        select(
            row.batch_id,
            func.max(row.extended_until).label("extended_until"),
            func.max(row.provider).label("provider"),
            func.count(row.payment_id).label("payments"),
            func.max(row.created_by).label("created_by"),
            func.max(row.reason).label("reason"),
            func.max(row.created_at).label("created_at"),
        )
        .group_by(row.batch_id)
        .order_by(row.batch_id.desc())
        .limit(limit)
    )
    return [
        ExtensionView(
            id=batch.batch_id,
            extended_until=batch.extended_until,
            provider=batch.provider,
            payments=batch.payments if batch.provider is None else None,
            created_by=batch.created_by,
            reason=batch.reason,
            created_at=batch.created_at,
        )
        for batch in session.execute(found)
    ]
