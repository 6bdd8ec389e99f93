"""The console's overview, and the files that all of its pages load."""

import datetime as dt

from flask import Response, current_app, render_template
from sqlalchemy.orm import Session

from payments.alerts.read_alerts import UNRESOLVED, list_alerts
from payments.charts.over_time import CHARTS
from payments.database import in_transaction
from payments.errors import NotFoundError
from payments.incidents.read_incidents import list_incidents
from payments.pending.list_pending import count_pending
from web.console_glance import Glance
from web.console_pages import ConsolePages
from web.parts import current_parts
from web.policies import public

blueprint = ConsolePages("console")

SCRIPTS = ("console", "calls", "live", "reveal", "tell", "banner")
"""The modules in web/pages/console/scripts; the first is loaded by every page."""

_INCIDENTS_MOST = 5
_ALERTS_MOST = 10
_CHARTED = dt.timedelta(days=30)


@blueprint.page("")
def overview() -> str:
    """Show how everything is: what is wrong first, then money, then queues."""
    parts, now = current_parts(), current_parts().now()

    def read(session: Session) -> Glance:
        return Glance(
            overview=parts.overview.read(now=now),
            incidents=list_incidents(session, limit=_INCIDENTS_MOST, status="unresolved").data,
            alerts=list_alerts(session, limit=_ALERTS_MOST, status=UNRESOLVED).data,
            pending=count_pending(session, now),
        )

    glance = in_transaction(parts.engine, read)
    return render_template("console/overview.html", glance=glance, charts=CHARTS, month=_CHARTED)


@blueprint.route("/console.css", methods=["GET"])
@public("It belongs to the pages, and says nothing")
def style() -> Response:
    """Send the pages' style sheet."""
    return Response(render_template("console/console.css"), mimetype="text/css")


@blueprint.route("/icon.svg", methods=["GET"])
@public("It belongs to the pages, and says nothing")
def icon() -> Response:
    """Send the pages' icon."""
    return Response(render_template("console/icon.svg"), mimetype="image/svg+xml")


@blueprint.route("/scripts/<name:script>.js", methods=["GET"])
@public("It belongs to the pages, and says nothing")
def script(script: str) -> Response:
    """Send a module of the pages' script."""
    if script not in SCRIPTS:
        raise NotFoundError("There is no such module.")
    with current_app.open_resource(f"pages/console/scripts/{script}.js") as file:
        return Response(file.read(), content_type="text/javascript; charset=utf-8")


@blueprint.page("/<path:address>")
def lead_nowhere(address: str) -> str:
    """Say to who mistyped an address that there is no page.

    Raises:
        NotFoundError: always.
    """
    raise NotFoundError(f"There is no page at /console/{address}.")
