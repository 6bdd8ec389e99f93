"""What the releases desk shows: what is frozen, what waits for a second person, and all the others.

Read in one transaction, so that a freeze and what it holds up are of the same moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.freezes.list_freezes import list_freezes
from payments.freezes.tables import Freeze
from payments.pages import page_of
from payments.releases.tables import Release

WAITING_MOST = 200
_FREEZES_MOST = 100
_ON_THE_WAY = ("requested", "approved", "signed", "broadcast", "mined")


@dataclass(frozen=True)
class Sum:
    """How many releases of a currency are on their way, and how much that is in minor units."""

    currency: str
    releases: int
    amount: int


@dataclass(frozen=True)
class ReleasesDesk:
    """The desk; `waiting` is oldest first, `releases` newest first, `next` the page after."""

    freezes: Sequence[Freeze]
    on_the_way: Sequence[Sum]
    waiting: Sequence[Release]
    releases: Sequence[Release]
    next: str | None


def read_desk(
    session: Session,
    *,
    limit: int,
    order_id: str | None = None,
    status: str | None = None,
    after: str | None = None,
) -> ReleasesDesk:
    """Return the desk, with up to `limit` releases of an order or a status where these are given.

    They are those from before the one that `after` names.
    """
    found = select(Release).order_by(Release.id.desc()).limit(limit + 1)
    if order_id is not None:
        found = found.where(Release.order_id == order_id)
    if status is not None:
        found = found.where(Release.status == status)
    if after is not None:
        found = found.where(Release.id < after)
    page = page_of(session.scalars(found).all(), limit=limit)
    waiting = select(Release).where(Release.status == "requested").order_by(Release.id)
    return ReleasesDesk(
        freezes=list_freezes(session, in_force=True, limit=_FREEZES_MOST),
        on_the_way=_on_the_way(session),
        waiting=session.scalars(waiting.limit(WAITING_MOST)).all(),
        releases=page.data,
        next=page.next,
    )


def _on_the_way(session: Session) -> list[Sum]:
    summed = (
        select(Release.currency, func.count(), func.sum(Release.amount))
        .where(Release.status.in_(_ON_THE_WAY))
        .group_by(Release.currency)
        .order_by(Release.currency)
    )
    return [
        Sum(currency, number, int(amount)) for currency, number, amount in session.execute(summed)
    ]
