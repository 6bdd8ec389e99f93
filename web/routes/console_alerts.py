"""The desk of alerts: what is so that people were told, who has taken it on, how messages fared."""

from flask import render_template

from payments.alert_settings import TARGETS
from payments.alerts.all_conditions import CONDITIONS
from payments.alerts.read_alerts import (
    STATUSES,
    UNRESOLVED,
    deliveries_of,
    list_alerts,
    read_alert,
)
from payments.database import in_transaction
from web.console_pages import ConsolePages
from web.console_queries import PAGE, asked, page_after, read_filters
from web.parts import current_parts
from web.schemas.alerts import AlertsQuery

blueprint = ConsolePages("console_alerts")


@blueprint.page("/alerts", action="alerts.read")
def list_all() -> str:
    """Show alerts, newest first: those that are not over, unless others are asked for."""
    parts = current_parts()
    query = read_filters(AlertsQuery, ("status", "after"))
    page = in_transaction(
        parts.engine,
        lambda session: list_alerts(
            session,
            limit=PAGE,
            status=query.get("status", UNRESOLVED),
            after=query.get("after"),
        ),
    )
    return render_template(
        "console/alerts.html",
        alerts=page.data,
        conditions=CONDITIONS,
        statuses=(UNRESOLVED, *STATUSES),
        targets=TARGETS,
        without=[name for name in TARGETS if not parts.settings.alert_targets.get(name)],
        given=asked("status"),
        older=page_after(page.next, asked("status")),
    )


@blueprint.page("/alerts/<id:alert_id>", action="alerts.read")
def show(alert_id: str) -> str:
    """Show an alert, its figures, and whom it was told to.

    Raises:
        NotFoundError: there is no such alert.
    """
    engine = current_parts().engine
    alert = in_transaction(engine, lambda session: read_alert(session, alert_id))
    deliveries = in_transaction(engine, lambda session: deliveries_of(session, alert_id))
    return render_template("console/alert.html", alert=alert, deliveries=deliveries)
