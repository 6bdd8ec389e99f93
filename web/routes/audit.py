"""The audit log: who did what, for finance and admin; looking at it is an entry, too."""

from typing import Any

from flask import Response

from payments.audit.read_entries import Wanted, export_lines, read_entries
from payments.database import in_transaction
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.schemas.audit import AuditPage, AuditQuery

blueprint = Blueprint("audit", __name__, url_prefix="/api/audit")

LINES = "application/jsonl"
_EXPORT = {
    "description": "One JSON object a line: entries, and seals after the entries they cover.",
    "content": {LINES: {"schema": {"type": "string"}}},
}


@blueprint.route("", methods=["GET"])
@allow("audit.read")
@blueprint.arguments(AuditQuery, location="query")
@blueprint.response(200, AuditPage)
def list_page(query: dict[str, Any]) -> dict[str, Any]:
    """List what was done, refused, and seen of personal data, newest first."""
    parts = current_parts()
    limit, after = query.pop("limit"), query.pop("after", None)
    page = in_transaction(
        parts.engine,
        lambda session: read_entries(
            session,
            Wanted(**query),
            limit=limit,
            after=None if after is None else int(after),
            cipher=parts.cipher,
        ),
    )
    return {"data": page.data, "next": page.next}


@blueprint.route("/export", methods=["GET"])
@allow("audit.read")
@blueprint.response(200)
@blueprint.described(responses={"200": _EXPORT})
def export() -> Response:
    """Send everything that is sealed, with the hash chain, so that it proves itself.

    Reasons are in it as digests only.
    """
    return Response(export_lines(current_parts().engine), mimetype=LINES)
