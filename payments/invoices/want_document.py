"""Has made what somebody wants to see and is not there yet."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.delivery import outbox
from payments.invoices.issue_invoice import invoice_of
from payments.invoices.pro_forma import is_fresh, note_wanted
from payments.invoices.tables import Invoice, InvoiceRendering
from payments.lifecycle.write_changes import ISSUE_INVOICE
from payments.orders.tables import Order

RENDER_ONE = "render_invoice"
"""The job that renders one document, or one pro forma, that somebody waits for."""


def want_document(session: Session, *, order_id: str, now: dt.datetime) -> None:
    """Stage what an order's documents lack: to be issued, rendered, or made as a pro forma.

    Of many who want the same, one row of the outbox works for all. Ring the doorbell after the
    commit, then look with `read_invoice` or `read_pro_forma`.
    """
    order = session.get(Order, order_id)
    if order is None:
        return
    if invoice_of(session, order_id) is not None:
        _want_rendered(session, order_id, now=now)
    elif order.status == "paid":
        # Its rendering is staged with it; whoever still waits then asks once more.
        key = f"{ISSUE_INVOICE}:{order_id}"
        args = {"order_id": order_id}
        outbox.stage(session, job=ISSUE_INVOICE, args=args, coalesce_key=key, now=now)
    elif order.status == "open" and not is_fresh(session, order_id=order_id, now=now):
        note_wanted(session, order_id=order_id, now=now)
        key = f"{RENDER_ONE}:{order_id}"
        args = {"order_id": order_id}
        outbox.stage(session, job=RENDER_ONE, args=args, coalesce_key=key, now=now)


def _want_rendered(session: Session, order_id: str, *, now: dt.datetime) -> None:
    waiting = (
        select(Invoice.id)
        .join(InvoiceRendering, InvoiceRendering.invoice_id == Invoice.id)
        .where(Invoice.order_id == order_id, InvoiceRendering.status == "waiting")
        .order_by(Invoice.id)
    )
    for invoice_id in session.scalars(waiting):
        key = f"{RENDER_ONE}:{invoice_id}"
        args = {"invoice_id": invoice_id}
        outbox.stage(session, job=RENDER_ONE, args=args, coalesce_key=key, now=now)
