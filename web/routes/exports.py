"""Exports: reports that a job writes, to be fetched within a day; each with its manifest."""

import base64
from typing import Any

from flask import Response

from payments.database import in_transaction
from payments.exports.read_exports import fetch_export, list_exports, read_export
from payments.exports.request_export import request_export
from payments.exports.tables import Export as ExportRow
from payments.log_lines import current_request_id
from payments.reports.formats.registry import FORMATS
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.report_filters import filters_of
from web.schemas.exports import Export, ExportPage, NewExport
from web.schemas.fields import PageQuery

blueprint = Blueprint("exports", __name__, url_prefix="/api/ledger/exports")

_FILE = {
    "description": "The file; its bytes are those that the manifest tells of.",
    "headers": {
        "Repr-Digest": {
            "description": "The SHA-256 of the file (RFC 9530).",
            "schema": {"type": "string"},
        }
    },
    "content": {
        content_type: {"schema": {"type": "string", "format": "binary"}}
        for content_type in {each.content_type.partition(";")[0] for each in FORMATS.values()}
    },
}


@blueprint.route("", methods=["POST"])
@allow("exports.create")
@problems("too_many_requests")
@blueprint.arguments(NewExport)
@blueprint.response(202, Export)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Have a report written by a job, as of the moment it is asked for or an earlier one."""
    parts, caller = current_parts(), current_caller()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: request_export(
            session,
            caller=caller,
            reference=reference,
            report=body["report"],
            format_name=body["format"],
            filters=filters_of(body),
            now=parts.now(),
            request_id=current_request_id(),
        ),
    )
    export, status, headers = render_answered(answered, status=202)
    return _shown(export), status, headers


@blueprint.route("", methods=["GET"])
@allow("ledger.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, ExportPage)
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """List the exports, the last one asked for first."""
    page = in_transaction(
        current_parts().engine,
        lambda session: list_exports(session, limit=query["limit"], after=query.get("after")),
    )
    return {"data": [_shown(export) for export in page.data], "next": page.next}


@blueprint.route("/<id:export_id>", methods=["GET"])
@allow("ledger.read")
@blueprint.response(200, Export)
def show(export_id: str) -> dict[str, Any]:
    """Show how far an export is, and its manifest when it is ready."""
    return _shown(
        in_transaction(current_parts().engine, lambda session: read_export(session, export_id))
    )


@blueprint.route("/<id:export_id>/download", methods=["GET"])
@allow("ledger.read")
@problems("export_not_ready")
@blueprint.response(200)
@blueprint.described(responses={"200": _FILE})
def download(export_id: str) -> Response:
    """Send the file of an export that is ready; once expired it is not found."""
    file = fetch_export(current_parts().engine, export_id)
    export = file.export
    manifest: dict[str, Any] = export.manifest or {}
    digest = base64.b64encode(bytes.fromhex(manifest["sha256"])).decode()
    name = f"{export.report}-{export.id}.{FORMATS[export.format].extension}"
    return Response(
        file.pieces,
        headers={
            "Content-Type": FORMATS[export.format].content_type,
            "Content-Length": str(manifest["size"]),
            "Content-Disposition": f'attachment; filename="{name}"',
            "Repr-Digest": f"sha-256=:{digest}:",
            "Report-As-Of": manifest["as_of"],
            "Ledger-Sequence": str(manifest["ledger_sequence"]),
        },
    )


def _shown(export: ExportRow) -> dict[str, Any]:
    names = ("id", "report", "format", "parameters", "status", "row_count", "rows_expected")
    more = ("manifest", "failure", "requested_by", "created_at", "updated_at", "expires_at")
    url = f"{blueprint.url_prefix}/{export.id}/download"
    return {
        **{name: getattr(export, name) for name in (*names, *more)},
        "download_url": url if export.status == "ready" else None,
    }
