"""What is looked through for duplicates: a time, perhaps of one order, and how much at most."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

MOST = 200
"""Of each kind; more are not looked at by anybody, and the newest come first."""

_OF_ORDER = text("""
    SELECT id FROM strongroom.payments WHERE order_id = :order_id
    UNION ALL SELECT id FROM strongroom.releases WHERE order_id = :order_id
    UNION ALL SELECT id FROM strongroom.seller_payouts WHERE order_id = :order_id
    UNION ALL SELECT id FROM strongroom.escrows WHERE order_id = :order_id
    UNION ALL SELECT r.id FROM strongroom.refunds r JOIN strongroom.payments p
                       ON p.id = r.payment_id WHERE p.order_id = :order_id
""")


@dataclass(frozen=True)
class Question:
    """From `since` until just before `until`; `ids` are those of the order and of all it has."""

    session: Session
    since: dt.datetime
    until: dt.datetime
    order_id: str | None
    ids: Sequence[str] | None

    def rows(self, query: TextClause) -> Sequence[Row[Any]]:
        """Return what a query finds of it."""
        asked = {"since": self.since, "until": self.until, "ids": self.ids}
        return self.session.execute(query, asked | {"order_id": self.order_id, "most": MOST}).all()


def ids_of(session: Session, order_id: str) -> list[str]:
    """Return the id of an order and of what was paid, released and given back for it."""
    found = session.scalars(_OF_ORDER, {"order_id": order_id})
    return [order_id, *found]
