"""Renders issued documents: the PDF and, where there is one, its e-invoice, stored for good.

No transaction is open while it renders; of two that render the same document, the first to store
its files is the one whose files are served.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.crash_points import reach
from payments.database import in_transaction, transaction
from payments.documents.renderer import Renderer
from payments.invoices.document import Document
from payments.invoices.draw import Drawn, Problem, draw_document
from payments.invoices.read_invoice import AlteredError, file_field, read_document
from payments.invoices.tables import Invoice, InvoiceFile, InvoiceRendering
from payments.log_lines import get_logger
from payments.privacy.encryption import DecryptionError, FieldCipher

TRY_AGAIN_S = (60, 300, 3_600)
"""How long to wait after a first, second and any later attempt that did not succeed."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class Press:
    """What a document is rendered with, and the cipher its files are kept with."""

    renderer: Renderer | None
    cipher: FieldCipher
    clock: Callable[[], dt.datetime]


def render_invoice(engine: Engine, press: Press, *, invoice_id: str) -> bool:
    """Render a document and store its files; False when it was done before, or cannot be yet."""
    with transaction(engine) as session:
        invoice = session.get_one(Invoice, invoice_id)
        rendering = session.get(InvoiceRendering, invoice_id)
        if rendering is not None and rendering.status == "ready":
            return False
        drawn = _read(invoice, press)
    reach("invoice.read")
    if isinstance(drawn, Document):
        drawn = draw_document(drawn, press.renderer)
    if drawn.problem is not None:
        _log.warning(drawn.problem.event, invoice_id=invoice_id, **drawn.problem.details)
        in_transaction(
            engine,
            lambda session: _try_again(
                session, invoice_id, problem=drawn.problem_text or "", now=press.clock()
            ),
        )
        return False
    reach("invoice.drawn")
    return in_transaction(
        engine,
        lambda session: _store(session, invoice_id, drawn.files, drawn.renderer, press),
    )


def _read(invoice: Invoice, press: Press) -> Document | Drawn:
    """Return what it says; one that was changed keeps none of the others waiting."""
    try:
        return read_document(invoice, cipher=press.cipher)
    except (AlteredError, DecryptionError) as error:
        return Drawn(problem=Problem("invoice_unreadable", str(error), {"error": str(error)}))


def _store(
    session: Session,
    invoice_id: str,
    files: Mapping[str, bytes],
    renderer: str,
    press: Press,
) -> bool:
    now = press.clock()
    rendering = session.get(InvoiceRendering, invoice_id, with_for_update=True)
    if rendering is None or rendering.status == "ready":
        return False
    for name, content in files.items():
        ciphertext = press.cipher.encrypt_bytes(content, **file_field(invoice_id, name))
        session.execute(
            insert(InvoiceFile).values(
                invoice_id=invoice_id,
                format=name,
                content_encrypted=ciphertext,
                sha256=hashlib.sha256(content).digest(),
                size=len(content),
                renderer=renderer,
                created_at=now,
            )
        )
    rendering.status, rendering.problem, rendering.updated_at = "ready", None, now
    rendering.attempts += 1
    return True


def _try_again(session: Session, invoice_id: str, *, problem: str, now: dt.datetime) -> None:
    rendering = session.get(InvoiceRendering, invoice_id, with_for_update=True)
    if rendering is None or rendering.status == "ready":
        return
    wait_s = TRY_AGAIN_S[min(rendering.attempts, len(TRY_AGAIN_S) - 1)]
    rendering.attempts += 1
    rendering.problem, rendering.updated_at = problem, now
    rendering.try_at = now + dt.timedelta(seconds=wait_s)


def waiting_documents(session: Session, *, limit: int, now: dt.datetime) -> list[str]:
    """Return the ids of documents whose turn it is to be rendered, the longest waiting first."""
    found = (
        select(InvoiceRendering.invoice_id)
        .where(InvoiceRendering.status == "waiting", InvoiceRendering.try_at <= now)
        .order_by(InvoiceRendering.try_at, InvoiceRendering.invoice_id)
        .limit(limit)
    )
    return list(session.scalars(found))
