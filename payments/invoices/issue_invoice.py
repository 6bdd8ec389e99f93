"""Issues the invoice of a paid order: once, with the next number and a frozen copy of it all."""

import datetime as dt
import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.crash_points import reach
from payments.delivery import outbox
from payments.identifiers import new_id
from payments.invoices.compose import compose
from payments.invoices.document import Document
from payments.invoices.numbering import Number, take_number
from payments.invoices.tables import Invoice, InvoiceRendering
from payments.orders.tables import Order
from payments.privacy.encryption import FieldCipher

RENDER_ALL = "render_invoices"
"""The job that renders whatever waits to be rendered."""


def issue_invoice(
    session: Session, *, order_id: str, now: dt.datetime, cipher: FieldCipher
) -> str | None:
    """Issue the order's invoice and return its id; None when it has one, or is not paid."""
    order = lock_order(session, order_id)
    if order is None or order.status != "paid" or invoice_of(session, order_id) is not None:
        return None
    number = take_number(session, seller_id=order.seller_id, kind="invoice", now=now)
    reach("invoice.numbered")
    document = compose(
        session,
        order,
        kind="invoice",
        number=number.text,
        issued_on=number.issued_at.astimezone(dt.UTC).date(),
        pay_url=None,
        cipher=cipher,
    )
    invoice_id = freeze(session, document, number=number, now=now, cipher=cipher)
    have_rendered(session, now=now)
    return invoice_id


def lock_order(session: Session, order_id: str) -> Order | None:
    """Return the order, with everybody waiting who issues anything for it; None: there is none."""
    locked = select(Order).where(Order.id == order_id).with_for_update(key_share=True, of=Order)
    return session.scalars(locked.execution_options(populate_existing=True)).one_or_none()


def invoice_of(session: Session, order_id: str) -> Invoice | None:
    """Return the order's invoice, if it was issued."""
    return session.scalars(
        select(Invoice).where(Invoice.order_id == order_id, Invoice.corrects.is_(None))
    ).one_or_none()


def freeze(
    session: Session,
    document: Document,
    *,
    number: Number,
    now: dt.datetime,
    cipher: FieldCipher,
    corrects: str | None = None,
    refund_id: str | None = None,
) -> str:
    """Insert a document for good, to be rendered, and return its id."""
    invoice_id, content = new_id("inv", now=now), document.to_json()
    field = {"table": "invoices", "column": "content_encrypted", "row_id": invoice_id}
    session.add(
        Invoice(
            id=invoice_id,
            kind=document.kind,
            order_id=document.order_id,
            corrects=corrects,
            refund_id=refund_id,
            series=number.series,
            year=number.year,
            number=number.number,
            number_text=number.text,
            currency=document.currency,
            amount=document.amount,
            tax_amount=document.tax,
            content_encrypted=cipher.encrypt(content, **field),
            content_sha256=hashlib.sha256(content.encode()).digest(),
            issued_at=number.issued_at,
        )
    )
    session.flush()
    session.add(
        InvoiceRendering(
            invoice_id=invoice_id, status="waiting", attempts=0, try_at=now, updated_at=now
        )
    )
    session.flush()
    reach("invoice.inserted")
    return invoice_id


def have_rendered(session: Session, *, now: dt.datetime) -> None:
    """Have what was issued rendered; the last thing in a transaction, since all issuers meet here.

    Whoever stages the job keeps every other issuer waiting until the transaction ends.
    """
    outbox.stage(session, job=RENDER_ALL, coalesce_key=RENDER_ALL, now=now)
