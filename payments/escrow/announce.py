"""Tells the frontend that an escrow changed, in the transaction of the change."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy.orm import Session

from payments.chain_settings import ChainSettings
from payments.delivery.live_events import announce
from payments.escrow.tables import Escrow
from payments.escrow.view import EscrowView, view_escrow
from payments.orders.tables import Order

TOPIC = "escrow.updated"


def announce_escrow(
    session: Session, row: Escrow, *, chains: Mapping[str, ChainSettings], now: dt.datetime
) -> EscrowView:
    """Write `escrow.updated` for its buyer and seller, and return what they are told.

    Changes of the row and of its effects must be flushed before.
    """
    view = view_escrow(session, row, chains=chains)
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
