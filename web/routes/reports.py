"""Reports of the ledger, for finance: as JSON page by page, as files in one go."""

from typing import Any

from flask import Response

from payments.errors import NotFoundError
from payments.reports.formats.registry import FORMATS
from payments.reports.names import DEFINITIONS
from payments.reports.reading import Page
from payments.reports.wanted import Wanted, read_wanted
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.report_answers import answer_report
from web.report_filters import filters_of
from web.schemas.reports import ReportAnswer, ReportQuery, StatementQuery

blueprint = Blueprint("reports", __name__, url_prefix="/api/ledger")

_HEADERS = {
    "Report-As-Of": {
        "description": "What was recorded by then is in it; as `as_of` it gives the same again.",
        "schema": {"type": "string", "format": "date-time"},
    },
    "Ledger-Sequence": {
        "description": "The newest entry that may be in it.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
}
_FILES = {
    "200": {
        "description": "The report: as JSON, or as a file in another format",
        "headers": _HEADERS,
        "content": {"application/json": {"schema": ReportAnswer}}
        | {
            each.content_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for each in FORMATS.values()
        },
    }
}


@blueprint.route("/reports/<name:report>", methods=["GET"])
@allow("ledger.read")
@blueprint.arguments(ReportQuery, location="query")
@blueprint.response(200)
@blueprint.described(responses=_FILES)
@problems("mapping_missing", "too_many_requests")
def show_report(query: dict[str, Any], report: str) -> Response:
    """Show a report, or send it as a file.

    The reports are trial-balance, general-ledger, journal, account-statement, income-statement,
    balance-sheet, escrow-positions, fees, seller-statement, ageing-pending and ageing-suspense.
    """
    if report not in DEFINITIONS:
        raise NotFoundError(f"There is no such report; there are {', '.join(DEFINITIONS)}.")
    return _answer(_wanted(report, query), query)


@blueprint.route("/accounts/<account:path>/statement", methods=["GET"])
@allow("ledger.read")
@blueprint.arguments(StatementQuery, location="query")
@blueprint.response(200)
@blueprint.described(responses=_FILES)
@problems("too_many_requests")
def show_statement(query: dict[str, Any], path: str) -> Response:
    """Show an account's opening balance, its postings and balances after each, and its closing."""
    return _answer(_wanted("account-statement", {**query, "account": path}), query)


def _wanted(report: str, query: dict[str, Any]) -> Wanted:
    return read_wanted(report, filters_of(query), now=current_parts().now())


def _answer(wanted: Wanted, query: dict[str, Any]) -> Response:
    page = Page(after=query.get("after"), limit=query["limit"])
    return answer_report(wanted, format_name=query["format"], page=page)
