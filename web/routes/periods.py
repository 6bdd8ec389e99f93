"""Months: what is to be done before one is closed, closing, reopening, and the reports kept."""

import base64
from typing import Any

from flask import Response

from payments.database import in_transaction
from payments.idempotency import Answered
from payments.periods.close_period import close_period
from payments.periods.months import read_month
from payments.periods.read_periods import (
    closing_as_json,
    list_periods,
    read_report,
)
from payments.periods.reopen_period import reopen_period
from payments.periods.tables import PeriodClosing
from payments.reports.wanted import moment_text
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.month_checks import one_of_few, show_month
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.periods import (
    Closing,
    NewClosing,
    NewReopening,
    Period,
    PeriodList,
    ReportQuery,
)

_Rendered = tuple[dict[str, Any], int, dict[str, str]]

_TYPES = {"csv": "text/csv", "pdf": "application/pdf"}
_FILE = {
    "description": "The report, byte for byte as it was kept.",
    "headers": {
        "Repr-Digest": {
            "description": "The SHA-256 of the file (RFC 9530).",
            "schema": {"type": "string"},
        }
    },
    "content": {
        content_type: {"schema": {"type": "string", "format": "binary"}}
        for content_type in _TYPES.values()
    },
}

blueprint = Blueprint("periods", __name__, url_prefix="/api/ledger/periods")


@blueprint.route("", methods=["GET"])
@allow("ledger.read")
@blueprint.response(200, PeriodList)
def list_months() -> dict[str, Any]:
    """List the months, newest first: open or closed, by whom."""
    parts = current_parts()
    months = in_transaction(parts.engine, lambda session: list_periods(session, now=parts.now()))
    return {"data": [month.summary() for month in months], "next": None}


@blueprint.route("/<month:month>", methods=["GET"])
@allow("ledger.read")
@problems("too_many_requests")
@blueprint.response(200, Period)
def show(month: str) -> dict[str, Any]:
    """Show a month with its checklist and what is kept of it."""
    return show_month(month).as_json()


@blueprint.route("/<month:month>/close", methods=["POST"])
@allow("periods.close")
@problems("period_closed", "period_not_ready", "too_many_requests")
@blueprint.arguments(NewClosing)
@blueprint.response(201, Closing)
def close(body: dict[str, Any], month: str) -> _Rendered:
    """Close a month whose checklist is green: nothing is posted into it any more."""
    parts = current_parts()
    with one_of_few():
        answered = close_period(
            parts.engine,
            caller=current_caller(),
            reference=take_reference(body),
            month=read_month(month),
            explanations=body["explanations"],
            now=parts.now(),
        )
    return _render(answered, status=201)


@blueprint.route("/<month:month>/reopen", methods=["POST"])
@allow("periods.reopen")
@rehearsable
@problems("period_not_closed", "second_person_needed")
@blueprint.arguments(NewReopening)
@blueprint.response(200, Closing)
@blueprint.also_answers(202, Closing)
def reopen(body: dict[str, Any], month: str) -> _Rendered:
    """Ask to reopen the month closed last (202); who agrees, somebody else, reopens it (200)."""
    parts, caller, reference = current_parts(), current_caller(), take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: reopen_period(
            session,
            caller=caller,
            reference=reference,
            month=read_month(month),
            reason=body["reason"],
            now=parts.now(),
        ),
    )
    return _render(answered, status=202 if answered.resource.state == "reopening" else 200)


@blueprint.route("/<month:month>/reports/<name:name>.<name:format_name>", methods=["GET"])
@allow("ledger.read")
@blueprint.arguments(ReportQuery, location="query")
@blueprint.response(200)
@blueprint.described(responses={"200": _FILE})
def report(query: dict[str, Any], month: str, name: str, format_name: str) -> Response:
    """Send a report of a closed month as it was kept."""
    found = in_transaction(
        current_parts().engine,
        lambda session: read_report(
            session,
            read_month(month),
            name=name,
            format_name=format_name,
            revision=query.get("revision"),
        ),
    )
    kept, closing = found.report, found.closing
    file_name = f"{kept.name}-{closing.month}-r{closing.revision}.{kept.format}"
    return Response(
        kept.content,
        headers={
            "Content-Type": _TYPES.get(kept.format, "application/octet-stream"),
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Repr-Digest": f"sha-256=:{base64.b64encode(kept.sha256).decode()}:",
            "Report-As-Of": moment_text(closing.as_of),
            "Ledger-Sequence": str(closing.ledger_sequence),
        },
    )


def _render(answered: Answered[PeriodClosing], *, status: int) -> _Rendered:
    closing, shown, headers = render_answered(answered, status=status)
    return closing_as_json(closing), shown, headers
