"""The desk of incidents: what everybody is told, what staff noted, and how each came and went."""

from flask import render_template

from payments.database import in_transaction
from payments.incidents.change_incident import STATUSES
from payments.incidents.open_incident import SEVERITIES
from payments.incidents.public_status import COMPONENTS
from payments.incidents.read_incidents import list_incidents, read_incident, updates_of
from web.console_pages import ConsolePages
from web.console_queries import PAGE, asked, page_after, read_filters
from web.parts import current_parts
from web.schemas.incidents import IncidentsQuery

blueprint = ConsolePages("console_incidents")


@blueprint.page("/incidents", action="incidents.read")
def list_all() -> str:
    """Show incidents, newest first, those that are not over on top."""
    query = read_filters(IncidentsQuery, ("status", "after"))
    engine = current_parts().engine
    page = in_transaction(
        engine,
        lambda session: list_incidents(
            session, limit=PAGE, status=query.get("status"), after=query.get("after")
        ),
    )
    going_on = in_transaction(
        engine, lambda session: list_incidents(session, limit=PAGE, status="unresolved")
    )
    return render_template(
        "console/incidents.html",
        going_on=going_on.data,
        incidents=page.data,
        given=asked("status"),
        statuses=("unresolved", *STATUSES),
        severities=SEVERITIES,
        components=COMPONENTS,
        older=page_after(page.next, asked("status")),
    )


@blueprint.page("/incidents/<id:incident_id>", action="incidents.read")
def show(incident_id: str) -> str:
    """Show an incident with its history.

    Raises:
        NotFoundError: there is no such incident.
    """
    engine = current_parts().engine
    incident = in_transaction(engine, lambda session: read_incident(session, incident_id))
    updates = in_transaction(engine, lambda session: updates_of(session, incident_id))
    return render_template(
        "console/incident.html", incident=incident, updates=updates, statuses=STATUSES
    )
