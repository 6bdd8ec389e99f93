"""For operators: incidents, and what everybody is told of them."""

from typing import Any

from payments.database import in_transaction
from payments.incidents.change_incident import CHANGEABLE, change_incident
from payments.incidents.open_incident import open_incident
from payments.incidents.read_incidents import (
    list_incidents,
    read_incident,
    updates_of,
)
from payments.incidents.tables import Incident as Row
from payments.pages import Page
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.incidents import (
    Incident,
    IncidentChange,
    IncidentPage,
    IncidentsQuery,
    IncidentWithHistory,
    NewIncident,
)

blueprint = Blueprint("incidents", __name__, url_prefix="/api/ops/incidents")


@blueprint.route("", methods=["POST"])
@allow("incidents.manage")
@rehearsable
@blueprint.arguments(NewIncident)
@blueprint.response(201, Incident)
def open_one(body: dict[str, Any]) -> tuple[Row, int, dict[str, str]]:
    """Open an incident; its banner is on every open page a moment later."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    asked = {name: value for name, value in body.items() if name != "reference"}
    answered = in_transaction(
        parts.engine,
        lambda session: open_incident(
            session, caller=caller, reference=reference, now=now, **asked
        ),
    )
    return render_answered(answered)


@blueprint.route("", methods=["GET"])
@allow("incidents.read")
@blueprint.arguments(IncidentsQuery, location="query")
@blueprint.response(200, IncidentPage)
def list_all(query: dict[str, Any]) -> Page[Row]:
    """List incidents, newest first."""
    return in_transaction(current_parts().engine, lambda session: list_incidents(session, **query))


@blueprint.route("/<id:incident_id>", methods=["GET"])
@allow("incidents.read")
@blueprint.response(200, IncidentWithHistory)
def show(incident_id: str) -> dict[str, Any]:
    """Show an incident with all that was said and changed of it."""

    def read(session: Any) -> dict[str, Any]:
        incident = read_incident(session, incident_id)
        shown = {name: getattr(incident, name) for name in Incident.example}
        return shown | {"updates": updates_of(session, incident_id)}

    return in_transaction(current_parts().engine, read)


@blueprint.route("/<id:incident_id>", methods=["PATCH"])
@allow("incidents.manage")
@rehearsable
@problems("incident_resolved")
@blueprint.arguments(IncidentChange)
@blueprint.response(200, Incident)
def change(body: dict[str, Any], incident_id: str) -> tuple[Row, int, dict[str, str]]:
    """Change how an incident stands and what everybody reads, or add a note."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: change_incident(
            session,
            incident_id,
            caller=caller,
            reference=reference,
            changes={name: body[name] for name in CHANGEABLE if name in body},
            note=body["note"],
            now=now,
        ),
    )
    return render_answered(answered, status=200)
