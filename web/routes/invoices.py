"""Invoices and credit notes: PDF, e-invoice, the list of them, and signed links."""

import base64
import hashlib
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response

from payments.database import in_transaction
from payments.delivery import doorbell
from payments.invoices.access import Viewer, check_access, record_access
from payments.invoices.fetch_file import FetchedFile, Format, InvoiceNotReadyError, fetch_file
from payments.invoices.links import Link, make_link
from payments.invoices.list_documents import DocumentsView, list_documents
from payments.invoices.want_document import want_document
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import to_make_with
from web.authentication import current_viewer
from web.blueprint import Blueprint
from web.limits import counts_as
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.schemas.invoices import (
    FileHeaders,
    InvoiceLink,
    InvoiceQuery,
    Invoices,
    NewLink,
    ReasonHeader,
)

blueprint = Blueprint("invoices", __name__, url_prefix="/api/invoices")

LONGEST_WAIT_S = 10
_LOOK_EVERY_S = 0.2
_RETRY_AFTER_S = 2
_MOST_WAITING = 50
"""So many requests of a process wait for a renderer at once; more are asked to come again."""

_TYPES: dict[Format, str] = {"pdf": "application/pdf", "xml": "application/xml"}
_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,3})(?:$|[,;\s])")

_Given = dict[str, Any]
_View = TypeVar("_View", bound=Callable[..., Any])

_seats = threading.BoundedSemaphore(_MOST_WAITING)


def _file_of(format_name: Format) -> Callable[[_View], _View]:
    """Describe a view that answers with a file."""
    content = {_TYPES[format_name]: {"schema": {"type": "string", "format": "binary"}}}
    return blueprint.described(responses={"200": {"description": "The file.", "content": content}})


@blueprint.route("/<id:order_id>", methods=["GET"])
@allow("invoices.read", by_link=True)
@problems("reason_required")
@blueprint.arguments(InvoiceQuery, location="query")
@blueprint.arguments(ReasonHeader, location="headers")
@blueprint.response(200, Invoices)
def show(query: _Given, headers: _Given, order_id: str) -> DocumentsView:
    """List the invoice and credit notes of an order, and how far their files are."""
    parts, viewer = current_parts(), _viewer(query | headers)

    def read(session: Any) -> DocumentsView:
        check_access(session, viewer, order_id=order_id)
        record_access(session, viewer, order_id=order_id, now=parts.now())
        return list_documents(session, order_id=order_id, cipher=parts.cipher)

    return in_transaction(parts.engine, read)


@blueprint.route("/<id:order_id>.pdf", methods=["GET"])
@allow("invoices.read", by_link=True)
@problems("reason_required", "invoice_not_ready")
@blueprint.arguments(InvoiceQuery, location="query")
@blueprint.arguments(FileHeaders, location="headers")
@blueprint.response(200)
@counts_as("documents")
@_file_of("pdf")
def show_pdf(query: _Given, headers: _Given, order_id: str) -> Response:
    """Return the invoice of an order as PDF; of an order that is not paid, a pro forma.

    It is rendered once, by a job: until it is there the request waits, for ten seconds at most or
    as long as `Prefer: wait=…` says. From then on the same bytes are served for ever.
    """
    return _serve(query | headers, order_id, None, "pdf")


@blueprint.route("/<id:order_id>.xml", methods=["GET"])
@allow("invoices.read", by_link=True)
@problems("reason_required", "einvoice_not_available", "invoice_not_ready")
@blueprint.arguments(InvoiceQuery, location="query")
@blueprint.arguments(FileHeaders, location="headers")
@blueprint.response(200)
@_file_of("xml")
def show_xml(query: _Given, headers: _Given, order_id: str) -> Response:
    """Return the invoice of an order as an e-invoice: EN 16931 in the syntax CII (Factur-X)."""
    return _serve(query | headers, order_id, None, "xml")


@blueprint.route("/<id:order_id>/<document:number>.pdf", methods=["GET"])
@allow("invoices.read", by_link=True)
@problems("reason_required", "invoice_not_ready")
@blueprint.arguments(InvoiceQuery, location="query")
@blueprint.arguments(FileHeaders, location="headers")
@blueprint.response(200)
@counts_as("documents")
@_file_of("pdf")
def show_document_pdf(query: _Given, headers: _Given, order_id: str, number: str) -> Response:
    """Return an invoice or a credit note of an order as PDF, by its number."""
    return _serve(query | headers, order_id, number, "pdf")


@blueprint.route("/<id:order_id>/<document:number>.xml", methods=["GET"])
@allow("invoices.read", by_link=True)
@problems("reason_required", "einvoice_not_available", "invoice_not_ready")
@blueprint.arguments(InvoiceQuery, location="query")
@blueprint.arguments(FileHeaders, location="headers")
@blueprint.response(200)
@_file_of("xml")
def show_document_xml(query: _Given, headers: _Given, order_id: str, number: str) -> Response:
    """Return an invoice or a credit note of an order as an e-invoice, by its number."""
    return _serve(query | headers, order_id, number, "xml")


@blueprint.route("/<id:order_id>/links", methods=["POST"])
@allow("invoices.read")
@problems("reason_required")
@blueprint.arguments(NewLink)
@blueprint.arguments(ReasonHeader, location="headers")
@blueprint.response(201, InvoiceLink)
def create_link(body: _Given, headers: _Given, order_id: str) -> dict[str, Any]:
    """Make a link to the documents of an order that needs no credential for five minutes.

    Whoever follows it is seen as the caller who asked for it, with their reason.
    """
    parts, viewer = current_parts(), _viewer(body | headers)
    key = to_make_with(parts.secrets, Kind.LINK_KEY, now=parts.now())

    def make(session: Any) -> Link:
        now = parts.now()
        check_access(session, viewer, order_id=order_id)
        access = record_access(session, viewer, order_id=order_id, now=now)
        return make_link(access, key=key, now=now)

    link = in_transaction(parts.engine, make)
    url = f"/api/invoices/{order_id}.pdf?link={link.text}"
    return {"url": url, "link": link.text, "expires_at": link.expires_at}


def _viewer(given: _Given) -> Viewer:
    return current_viewer(reason=given.get("reason"))


def _serve(given: _Given, order_id: str, number: str | None, format_name: Format) -> Response:
    def look() -> FetchedFile | None:
        return _look(_viewer(given), order_id, number, format_name)

    found = look() or _wait_for(look, prefer=given.get("prefer", ""))
    digest = base64.b64encode(hashlib.sha256(found.content).digest()).decode()
    return Response(
        found.content,
        mimetype=_TYPES[format_name],
        headers={
            "Content-Disposition": f'inline; filename="{found.name}"',
            "Repr-Digest": f"sha-256=:{digest}:",  # RFC 9530
        },
    )


def _look(
    viewer: Viewer, order_id: str, number: str | None, format_name: Format
) -> FetchedFile | None:
    """Return the file if it is there, and record that it was seen; have it made if it is not."""
    parts = current_parts()

    def look(session: Any) -> FetchedFile | None:
        now = parts.now()
        check_access(session, viewer, order_id=order_id)
        found = fetch_file(
            session,
            order_id=order_id,
            number=number,
            format_name=format_name,
            now=now,
            cipher=parts.cipher,
        )
        if found is None:
            want_document(session, order_id=order_id, now=now)
        else:
            record_access(session, viewer, order_id=order_id, invoice_id=found.invoice_id, now=now)
        return found

    found = in_transaction(parts.engine, look)
    if found is None:
        doorbell.ring(parts.redis)
    return found


def _wait_for(look: Callable[[], FetchedFile | None], *, prefer: str) -> FetchedFile:
    """Look again until the file is there.

    Raises:
        InvoiceNotReadyError: nobody made it in the time the caller gives, or too many wait.
    """
    asked = _WAIT.search(prefer)
    wait_s = min(int(asked[1]), LONGEST_WAIT_S) if asked else LONGEST_WAIT_S
    until = time.monotonic() + wait_s
    if _seats.acquire(blocking=False):
        try:
            while time.monotonic() < until:
                time.sleep(_LOOK_EVERY_S)
                found = look()
                if found is not None:
                    return found
        finally:
            _seats.release()
    raise InvoiceNotReadyError(
        "The document is being made; ask again.", retry_after_s=_RETRY_AFTER_S
    )
