"""Shows what was issued for an order, without what the documents say of people."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from payments.errors import NotFoundError
from payments.invoices.einvoice import why_no_einvoice
from payments.invoices.read_invoice import IssuedDocument, StoredFile, read_invoice
from payments.orders.tables import Order
from payments.privacy.encryption import FieldCipher


@dataclass(frozen=True, kw_only=True)
class DocumentView:
    """An issued document; amounts in minor units of `currency`.

    `corrects` is the number of the document it refers to. `rendering` is `waiting`, `ready` or
    `failed`, with the `problem` in the way. `no_einvoice` says why there is no XML.
    """

    id: str
    kind: str
    number: str
    issued_at: dt.datetime
    currency: str
    amount: int
    tax_amount: int
    corrects: str | None
    refund_id: str | None
    rendering: str
    problem: str | None
    pdf: StoredFile | None
    xml: StoredFile | None
    no_einvoice: tuple[str, ...]


@dataclass(frozen=True)
class DocumentsView:
    """The documents of an order: its invoice first; none while `status` is not `issued`.

    `pro_forma`: the order is not paid; `waiting`: it is, and the invoice is about to be issued.
    """

    order_id: str
    status: str
    documents: tuple[DocumentView, ...]


def list_documents(session: Session, *, order_id: str, cipher: FieldCipher) -> DocumentsView:
    """Return the documents of an order that somebody may see.

    Raises:
        NotFoundError: there is no such order.
        AlteredError, DecryptionError: somebody changed what was issued.
    """
    order = session.get(Order, order_id)
    if order is None:
        raise NotFoundError("There is no such order.")
    issued = read_invoice(session, order_id=order_id, cipher=cipher)
    numbers = {document.id: document.number for document in issued}
    if issued:
        status = "issued"
    else:
        status = {"open": "pro_forma", "paid": "waiting"}.get(order.status, "none")
    return DocumentsView(order_id, status, tuple(_view(one, numbers) for one in issued))


def _view(document: IssuedDocument, numbers: dict[str, str]) -> DocumentView:
    return DocumentView(
        id=document.id,
        kind=document.kind,
        number=document.number,
        issued_at=document.issued_at,
        currency=document.currency,
        amount=document.amount,
        tax_amount=document.tax_amount,
        corrects=numbers.get(document.corrects or ""),
        refund_id=document.refund_id,
        rendering=document.rendering,
        problem=document.problem,
        pdf=document.files.get("pdf"),
        xml=document.files.get("xml"),
        no_einvoice=() if "xml" in document.files else why_no_einvoice(document.document),
    )
