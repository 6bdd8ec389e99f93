"""Shows escrows to the parties of their orders, to the platform's backend and to the staff."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.chain_settings import ChainSettings
from payments.errors import NotFoundError
from payments.escrow.tables import Escrow
from payments.escrow.view import EscrowView, view_escrow
from payments.orders.tables import Order


def read_escrow(
    session: Session, *, caller: Caller, escrow_id: str, chains: Mapping[str, ChainSettings]
) -> EscrowView:
    """Return the escrow as far as the watcher read its chain; no node is asked.

    Raises:
        NotFoundError: when there is none, or it is not the caller's.
    """
    row = find_escrow(session, caller=caller, escrow_id=escrow_id)
    return view_escrow(session, row, chains=chains)


def find_escrow(session: Session, *, caller: Caller, escrow_id: str) -> Escrow:
    """Return an escrow that the caller may see.

    Raises:
        NotFoundError: when there is none, or it is not the caller's.
    """
    row = session.get(Escrow, escrow_id)
    order = None if row is None else session.get_one(Order, row.order_id)
    if row is None or order is None or not caller.may_see(order.buyer_id, order.seller_id):
        raise NotFoundError("There is no such escrow.")
    return row
