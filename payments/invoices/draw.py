"""Draws a document: its page through the renderer, and its e-invoice where there can be one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from payments.documents.fonts import missing_characters
from payments.documents.renderer import Renderer, RenderingError
from payments.invoices.document import Document
from payments.invoices.einvoice import (
    EInvoiceError,
    NotEmbeddableError,
    embed_einvoice,
    make_einvoice,
)
from payments.invoices.page import document_page, document_title, shown_text
from payments.log_lines import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class Problem:
    """What was in the way: an event for the log, with details, and a sentence for people."""

    event: str
    text: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """The files of a document by their format, or the problem why there are none."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    renderer: str = ""
    problem: Problem | None = None

    @property
    def problem_text(self) -> str | None:
        """The problem as a sentence."""
        return None if self.problem is None else self.problem.text


def draw_document(document: Document, renderer: Renderer | None) -> Drawn:
    """Return the files of a document, or what keeps it from being drawn.

    An e-invoice that cannot be made is logged, and the PDF goes without it.
    """
    if renderer is None:
        text = "No PDF renderer is installed; see `strongroom doctor`."
        return Drawn(problem=Problem("renderer_missing", text))
    missing = missing_characters(shown_text(document))
    if missing:
        codes = " ".join(sorted(f"U+{ord(character):04X}" for character in missing)[:20])
        text = f"No font here has these characters: {codes}; see `strongroom doctor`."
        return Drawn(problem=Problem("glyphs_missing", text, {"characters": codes}))
    try:
        pdf = renderer.render(document_page(document), title=document_title(document))
    except RenderingError as error:
        return Drawn(problem=Problem("rendering_failed", str(error), {"error": str(error)}))
    if document.kind == "pro_forma":
        return Drawn({"pdf": pdf}, renderer.name)
    return Drawn(_with_einvoice(document, pdf), renderer.name)


def _with_einvoice(document: Document, pdf: bytes) -> Mapping[str, bytes]:
    try:
        xml = make_einvoice(document)
    except EInvoiceError as error:
        _log.error("einvoice_failed", number=document.number, error=str(error))
        return {"pdf": pdf}
    if xml is None:
        return {"pdf": pdf}
    try:
        return {"pdf": embed_einvoice(pdf, xml), "xml": xml}
    except NotEmbeddableError as error:
        _log.warning("einvoice_not_embedded", number=document.number, error=str(error))
        return {"pdf": pdf, "xml": xml}
