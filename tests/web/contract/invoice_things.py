"""An invoice and a credit note for schemathesis to meet: issued and rendered, as the jobs do."""

import datetime as dt
from pathlib import Path

from sqlalchemy import Engine

from payments.database import transaction
from payments.invoices.issue_credit_note import issue_credit_notes
from payments.invoices.issue_invoice import issue_invoice
from payments.invoices.read_invoice import read_invoice
from payments.invoices.render_invoice import Press, render_invoice
from payments.privacy.encryption import FieldCipher
from tests.web.contract.things import Things
from tests.web.invoice_counter import BUYER, SELLER, BlankPages


def write_invoices(things: Things, engine: Engine, cipher: FieldCipher, folder: Path) -> None:
    """Make the documents of one order, and name it and them in `folder`."""
    order_id = _sold(things)
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real
    with transaction(engine) as session:
        issue_invoice(session, order_id=order_id, now=now, cipher=cipher)
        issue_credit_notes(session, order_id=order_id, now=now, cipher=cipher)
        issued = read_invoice(session, order_id=order_id, cipher=cipher)
    for document in issued:
        render_invoice(engine, Press(BlankPages(), cipher, lambda: now), invoice_id=document.id)
    (folder / "invoiced.txt").write_text(f'"{order_id}"\n')
    (folder / "documents.txt").write_text("".join(f'"{one.number}"\n' for one in issued))


def _sold(things: Things) -> str:
    """Return an order that was paid and refunded in part, of two whose tax numbers are known."""
    buyer_id, seller_id = (things.post("/api/parties", who) for who in (BUYER, SELLER))
    order_id = things.order(buyer_id=buyer_id, seller_id=seller_id)
    payment_id = things.post("/api/payments/intents", {"order_id": order_id})
    things.refunded(things.confirmed(payment_id))
    return order_id
