"""The finance desk in a browser: pages without scripts, made here, for finance only."""

from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, Response, render_template, request

from payments.charts.over_time import CHARTS
from payments.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    StepUpRequiredError,
    StrongroomError,
    UnauthorizedError,
)
from payments.reports.file_format import formats_of
from payments.reports.names import DEFINITIONS
from payments.reports.wanted import FIELDS
from web.authentication import current_caller
from web.console_desk import Desk, console_path
from web.content_policies import CONSOLE_POLICY
from web.headers import under_policy
from web.month_checks import show_month
from web.parts import current_parts
from web.policies import allow, public

blueprint = Blueprint("console", __name__, url_prefix="/console")

_ROWS_MOST = 200
_FOR_PROGRAMS = ("seq", "effect_key")


@blueprint.route("/finance", methods=["GET"])
@allow("ledger.read")
@under_policy(CONSOLE_POLICY)
def finance() -> str:
    """Show the desk: charts, the trial balance, periods and exports."""
    desk = Desk.open(current_parts(), _filters())
    return render_template(
        "finance.html",
        desk=desk,
        charts=CHARTS,
        formats=formats_of("trial-balance"),
        caller=current_caller(),
        link=console_path,
    )


@blueprint.route("/finance/reports/<name:report>", methods=["GET"])
@allow("ledger.read")
@under_policy(CONSOLE_POLICY)
def show_report(report: str) -> str:
    """Show the beginning of a report, and where its files are."""
    if report not in DEFINITIONS:
        raise NotFoundError("There is no such report.")
    shown = Desk.report(current_parts(), report, _filters(), most=_ROWS_MOST)
    return render_template(
        "report.html",
        shown=shown,
        table=shown.table.without(*_FOR_PROGRAMS),
        formats=formats_of(report),
        caller=current_caller(),
        link=console_path,
        most=_ROWS_MOST,
    )


@blueprint.route("/finance/periods/<month:month>", methods=["GET"])
@allow("ledger.read")
@under_policy(CONSOLE_POLICY)
def show_period(month: str) -> str:
    """Show a month: its checklist, as it was when it was closed or is now, and what is kept."""
    return render_template("period.html", period=show_month(month), caller=current_caller())


@blueprint.route("/console.css", methods=["GET"])
@public("It belongs to the pages, and says nothing")
def style() -> Response:
    """Send the pages' style sheet."""
    return Response(render_template("console.css"), mimetype="text/css")


@blueprint.route("/icon.svg", methods=["GET"])
@public("It belongs to the pages, and says nothing")
def icon() -> Response:
    """Send the pages' icon."""
    return Response(render_template("icon.svg"), mimetype="image/svg+xml")


@blueprint.errorhandler(UnauthorizedError)
def ask_to_sign_in(_error: UnauthorizedError) -> tuple[str, int]:
    """Show how to sign in, to who has no session or an old one."""
    url = current_parts().settings.console_sign_in_url
    return render_template("sign_in.html", url=url), HTTPStatus.UNAUTHORIZED


@blueprint.errorhandler(StepUpRequiredError)
def ask_to_sign_in_again(_error: StepUpRequiredError) -> tuple[str, int]:
    """Show how to sign in, to who did without a second factor."""
    url = current_parts().settings.console_sign_in_url
    return render_template("sign_in.html", url=url), HTTPStatus.FORBIDDEN


@blueprint.errorhandler(ForbiddenError)
@blueprint.errorhandler(NotFoundError)
@blueprint.errorhandler(InvalidRequestError)
def refuse(error: StrongroomError) -> tuple[str, int]:
    """Say why there is no such page for this caller."""
    status = _REFUSALS[type(error)]
    return render_template("refused.html", status=status, error=error), status


_REFUSALS = {
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    InvalidRequestError: HTTPStatus.BAD_REQUEST,
}


def _filters() -> Mapping[str, str]:
    """Return what the address asks for; what a form leaves empty is not asked for."""
    return {name: request.args[name] for name in FIELDS if request.args.get(name)}
