"""Finds the file of a document that somebody may see, or tells why there is none."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from payments.errors import NotFoundError, UnavailableError
from payments.invoices.einvoice import why_no_einvoice
from payments.invoices.pro_forma import read_pro_forma
from payments.invoices.read_invoice import IssuedDocument, read_file, read_invoice
from payments.orders.tables import Order
from payments.privacy.encryption import FieldCipher

Format = Literal["pdf", "xml"]


class InvoiceNotReadyError(UnavailableError):
    """The document is being issued or rendered: ask again in `retry_after_s`."""

    code = "invoice_not_ready"


@dataclass(frozen=True)
class FetchedFile:
    """A file as it is served, and the name to save it under; a pro forma has no `invoice_id`."""

    content: bytes
    name: str
    invoice_id: str | None


def fetch_file(
    session: Session,
    *,
    order_id: str,
    number: str | None,
    format_name: Format,
    now: dt.datetime,
    cipher: FieldCipher,
) -> FetchedFile | None:
    """Return the file of the order's invoice, or of the document `number` of the same order.

    An order that is not paid has a pro forma for an invoice. None: the file is not there yet
    (`want_document` has it made).

    Raises:
        NotFoundError: there is no such document; `einvoice_not_available`: it can be no e-invoice.
        AlteredError, DecryptionError: somebody changed what is stored.
    """
    issued = read_invoice(session, order_id=order_id, cipher=cipher)
    if number is not None:
        issued = tuple(document for document in issued if document.number == number)
        if not issued:
            raise NotFoundError("The order has no document of this number.")
    if not issued:
        return _pro_forma(session, order_id, format_name, now=now, cipher=cipher)
    document = issued[0]
    content = read_file(session, invoice_id=document.id, format_name=format_name, cipher=cipher)
    if content is not None:
        return FetchedFile(content, f"{document.number}.{format_name}", document.id)
    if format_name == "xml":
        _refuse_without_einvoice(document)
    return None


def _pro_forma(
    session: Session, order_id: str, format_name: Format, *, now: dt.datetime, cipher: FieldCipher
) -> FetchedFile | None:
    status = session.get_one(Order, order_id).status
    if status == "paid":
        return None
    if status != "open":
        raise NotFoundError("The order was never paid: it has no invoice.")
    if format_name == "xml":
        raise _no_einvoice("The order is not paid, and a pro forma is no invoice.")
    content = read_pro_forma(session, order_id=order_id, now=now, cipher=cipher)
    return None if content is None else FetchedFile(content, f"pro-forma-{order_id}.pdf", None)


def _refuse_without_einvoice(document: IssuedDocument) -> None:
    reasons = why_no_einvoice(document.document)
    if reasons:
        raise _no_einvoice(" ".join(reasons))
    if document.rendering == "ready":
        raise _no_einvoice("It could not be written when the document was rendered.")


def _no_einvoice(detail: str) -> NotFoundError:
    return NotFoundError(detail, code="einvoice_not_available")
