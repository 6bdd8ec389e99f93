"""The finance desk in a browser: charts, the trial balance, reports with drill-down, months."""

from collections.abc import Mapping

from flask import render_template, request

from payments.charts.over_time import CHARTS
from payments.errors import NotFoundError
from payments.reports.file_format import formats_of
from payments.reports.names import DEFINITIONS
from payments.reports.wanted import FIELDS
from web.console_desk import Desk, console_path
from web.console_pages import ConsolePages
from web.month_checks import show_month
from web.parts import current_parts

blueprint = ConsolePages("console_finance")

_ROWS_MOST = 200
_FOR_PROGRAMS = ("seq", "effect_key")


@blueprint.page("/finance", action="ledger.read")
def finance() -> str:
    """Show the desk: charts, the trial balance, periods and exports."""
    desk = Desk.open(current_parts(), _filters())
    return render_template(
        "console/finance.html",
        desk=desk,
        charts=CHARTS,
        formats=formats_of("trial-balance"),
        link=console_path,
    )


@blueprint.page("/finance/reports/<name:report>", action="ledger.read")
def show_report(report: str) -> str:
    """Show the beginning of a report, and where its files are."""
    if report not in DEFINITIONS:
        raise NotFoundError("There is no such report.")
    shown = Desk.report(current_parts(), report, _filters(), most=_ROWS_MOST)
    return render_template(
        "console/report.html",
        shown=shown,
        table=shown.table.without(*_FOR_PROGRAMS),
        formats=formats_of(report),
        link=console_path,
        most=_ROWS_MOST,
    )


@blueprint.page("/finance/periods/<month:month>", action="ledger.read")
def show_period(month: str) -> str:
    """Show a month: its checklist, as it was when it was closed or is now, and what is kept."""
    return render_template("console/period.html", period=show_month(month))


def _filters() -> Mapping[str, str]:
    """Return what the address asks for; what a form leaves empty is not asked for."""
    return {name: request.args[name] for name in FIELDS if request.args.get(name)}
