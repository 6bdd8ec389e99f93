"""Lists what waits longer than usual, the oldest first: why, since when, and what would move it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from payments.pending.find_waiting import waiting_of
from payments.pending.usual import KINDS, MOVES


@dataclass(frozen=True, kw_only=True)
class Pending:
    """Something that waits since `since`, for `age_s` seconds; `amount` in minor units.

    `id` names it within its `kind`; `due_at` is when it is next tried or asked about by itself.
    `reason` is a stable code, `moves` says in words what would move it, `error` what went wrong.
    """

    kind: str
    id: str
    payment_id: str | None
    order_id: str | None
    provider: str | None
    state: str
    amount: int | None
    currency: str | None
    reason: str
    moves: str
    error: str | None
    since: dt.datetime
    age_s: int
    due_at: dt.datetime | None


@dataclass(frozen=True)
class PendingList:
    """The oldest of what waits; `counts` is how many there are, of every kind."""

    data: Sequence[Pending]
    counts: Mapping[str, int]


def list_pending(
    session: Session,
    *,
    now: dt.datetime,
    limit: int,
    kind: str | None = None,
    payment_id: str | None = None,
) -> PendingList:
    """Return up to `limit` things that wait longer than usual: of a kind, or of a payment, or all.

    The counts are of all, whatever is asked for.
    """
    found: list[Row[Any]] = []
    for one in KINDS if kind is None else (kind,):
        waiting = waiting_of(one, now=now).subquery()
        query = select(waiting).order_by(waiting.c.since, waiting.c.id).limit(limit)
        if payment_id is not None:
            query = query.where(waiting.c.payment_id == payment_id)
        found += session.execute(query).all()
    found.sort(key=lambda row: (row.since, row.kind, row.id))
    return PendingList([_view(row, now=now) for row in found[:limit]], count_pending(session, now))


def count_pending(session: Session, now: dt.datetime) -> dict[str, int]:
    """Return how many things of each kind wait longer than usual."""
    queries = [
        select(func.count()).select_from(waiting_of(kind, now=now).subquery()).scalar_subquery()
        for kind in KINDS
    ]
    counts = session.execute(select(*queries)).one()
    return dict(zip(KINDS, counts, strict=True))


def _view(row: Row[Any], *, now: dt.datetime) -> Pending:
    return Pending(
        kind=row.kind,
        id=row.id,
        payment_id=row.payment_id,
        order_id=row.order_id,
        provider=row.provider,
        state=row.state,
        amount=None if row.amount is None else int(row.amount),
        currency=row.currency,
        reason=row.reason,
        moves=MOVES[row.reason],
        error=row.error,
        since=row.since,
        age_s=int((now - row.since).total_seconds()),
        due_at=row.due_at,
    )
