"""Reads issued documents back: what they say, their files, and how far the files are.

Who may see them is decided elsewhere (payments/invoices/access.py).
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.errors import NotFoundError
from payments.invoices.document import Document, from_json
from payments.invoices.tables import Invoice, InvoiceFile, InvoiceRendering
from payments.privacy.encryption import FieldCipher

_NOT_KEPT = "The document was kept for as long as the law wants it, and no longer."


class AlteredError(Exception):
    """What is kept is not what was issued: its hash differs."""


@dataclass(frozen=True)
class StoredFile:
    """A rendered file; `sha256` (lower-case hex) and `size` (bytes) are of it as it is served."""

    format: str
    sha256: str
    size: int
    renderer: str
    created_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class IssuedDocument:
    """An issued document; amounts in minor units of `currency`, `files` by their format.

    `rendering` is `waiting`, `ready` or `failed`; `problem` says what is in the way.
    """

    id: str
    kind: str
    number: str
    order_id: str
    issued_at: dt.datetime
    currency: str
    amount: int
    tax_amount: int
    refund_id: str | None
    corrects: str | None
    document: Document
    files: Mapping[str, StoredFile]
    rendering: str
    problem: str | None


def read_invoice(
    session: Session, *, order_id: str, cipher: FieldCipher
) -> tuple[IssuedDocument, ...]:
    """Return what was issued for an order, its invoice first; empty while there is none.

    Raises:
        AlteredError, DecryptionError: somebody changed what was issued.
    """
    rows = session.execute(
        select(Invoice, InvoiceRendering)
        .outerjoin(InvoiceRendering, InvoiceRendering.invoice_id == Invoice.id)
        .where(Invoice.order_id == order_id)
        .order_by(Invoice.corrects.is_not(None), Invoice.issued_at, Invoice.kind, Invoice.number)
    ).all()
    files: dict[str, dict[str, StoredFile]] = defaultdict(dict)
    metadata = select(
        InvoiceFile.invoice_id,
        InvoiceFile.format,
        InvoiceFile.sha256,
        InvoiceFile.size,
        InvoiceFile.renderer,
        InvoiceFile.created_at,
    ).where(InvoiceFile.invoice_id.in_([row.Invoice.id for row in rows]))
    for file in session.execute(metadata) if rows else ():
        stored = StoredFile(
            file.format, bytes(file.sha256).hex(), file.size, file.renderer, file.created_at
        )
        files[file.invoice_id][file.format] = stored
    return tuple(
        _issued(invoice, rendering, files[invoice.id], cipher=cipher) for invoice, rendering in rows
    )


def read_file(
    session: Session, *, invoice_id: str, format_name: str, cipher: FieldCipher
) -> bytes | None:
    """Return a stored file (`pdf` or `xml`), byte for byte as it was made; None: there is none.

    Raises:
        NotFoundError: it was kept for as long as the law wants.
        AlteredError, DecryptionError: somebody changed it.
    """
    row = session.get(InvoiceFile, (invoice_id, format_name))
    if row is None:
        return None
    if row.content_encrypted is None:
        raise NotFoundError(_NOT_KEPT)
    content = cipher.decrypt_bytes(row.content_encrypted, **file_field(invoice_id, format_name))
    if hashlib.sha256(content).digest() != bytes(row.sha256):
        raise AlteredError(f"the {format_name} of {invoice_id} is not what was made")
    return content


def read_document(invoice: Invoice, *, cipher: FieldCipher) -> Document:
    """Return what an issued document says.

    Raises:
        NotFoundError: it was kept for as long as the law wants.
        AlteredError, DecryptionError: somebody changed it.
    """
    if invoice.content_encrypted is None:
        raise NotFoundError(_NOT_KEPT)
    content = cipher.decrypt(
        invoice.content_encrypted,
        table="invoices",
        column="content_encrypted",
        row_id=invoice.id,
    )
    if hashlib.sha256(content.encode()).digest() != bytes(invoice.content_sha256):
        raise AlteredError(f"the content of {invoice.id} is not what was issued")
    return from_json(content)


def file_field(invoice_id: str, format_name: str) -> dict[str, str]:
    """Return the field that a file's ciphertext is tied to."""
    row_id = f"{invoice_id}:{format_name}"
    return {"table": "invoice_files", "column": "content_encrypted", "row_id": row_id}


def _issued(
    invoice: Invoice,
    rendering: InvoiceRendering | None,
    files: Mapping[str, StoredFile],
    *,
    cipher: FieldCipher,
) -> IssuedDocument:
    return IssuedDocument(
        id=invoice.id,
        kind=invoice.kind,
        number=invoice.number_text,
        order_id=invoice.order_id,
        issued_at=invoice.issued_at,
        currency=invoice.currency,
        amount=invoice.amount,
        tax_amount=invoice.tax_amount,
        refund_id=invoice.refund_id,
        corrects=invoice.corrects,
        document=read_document(invoice, cipher=cipher),
        files=files,
        rendering="waiting" if rendering is None else rendering.status,
        problem=None if rendering is None else rendering.problem,
    )
