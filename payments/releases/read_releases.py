"""Shows releases to the parties of their orders, to the platform's backend and to the staff."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.chain_settings import ChainSettings
from payments.errors import NotFoundError
from payments.orders.tables import Order
from payments.releases.tables import Release
from payments.releases.view import ReleaseView, view_release


def read_release(
    session: Session, *, caller: Caller, release_id: str, chains: Mapping[str, ChainSettings]
) -> ReleaseView:
    """Return the release.

    Raises:
        NotFoundError: when there is none, or it is not the caller's.
    """
    row = session.get(Release, release_id)
    if row is None or not _may_see(session, caller, row.order_id):
        raise NotFoundError("There is no such release.")
    return view_release(session, row, chains=chains)


def list_releases(
    session: Session, *, caller: Caller, order_id: str, chains: Mapping[str, ChainSettings]
) -> list[ReleaseView]:
    """Return all releases of an order, oldest first.

    Raises:
        NotFoundError: when there is no such order, or it is not the caller's.
    """
    if not _may_see(session, caller, order_id):
        raise NotFoundError("There is no such order.")
    found = select(Release).filter_by(order_id=order_id).order_by(Release.id)
    return [view_release(session, row, chains=chains) for row in session.scalars(found)]


def newest_releases(
    session: Session, *, order_id: str | None, status: str | None, limit: int
) -> Sequence[Release]:
    """Return up to `limit` releases, newest first: of an order, or with a status, or any."""
    found = select(Release).order_by(Release.id.desc()).limit(limit)
    if order_id is not None:
        found = found.filter_by(order_id=order_id)
    if status is not None:
        found = found.filter_by(status=status)
    return session.scalars(found).all()


def _may_see(session: Session, caller: Caller, order_id: str) -> bool:
    order = session.get(Order, order_id)
    return order is not None and caller.may_see(order.buyer_id, order.seller_id)
