"""Tells the frontend that a release changed, in the transaction of the change."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy.orm import Session

from payments.chain_settings import ChainSettings
from payments.delivery.live_events import announce
from payments.orders.tables import Order
from payments.releases.tables import Release
from payments.releases.view import ReleaseView, view_release

TOPIC = "release.updated"


def announce_release(
    session: Session, row: Release, *, chains: Mapping[str, ChainSettings], now: dt.datetime
) -> ReleaseView:
    """Write `release.updated` for its buyer and seller, and return what they are told."""
    session.flush()
    view = view_release(session, row, chains=chains)
    order = session.get_one(Order, row.order_id)
    announce(
        session,
        topic=TOPIC,
        subject_id=row.id,
        audience=(order.buyer_id, order.seller_id),
        data=view.as_json(),
        now=now,
    )
    return view
