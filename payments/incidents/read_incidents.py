"""Reads incidents for staff: the list, and one with its history."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.errors import NotFoundError
from payments.incidents.tables import Incident, IncidentUpdate
from payments.pages import Page, page_of


def list_incidents(
    session: Session, *, limit: int, status: str | None = None, after: str | None = None
) -> Page[Incident]:
    """Return up to `limit` incidents, newest first; `status` may also be `unresolved`."""
    query = select(Incident).order_by(Incident.id.desc()).limit(limit + 1)
    if status == "unresolved":
        query = query.where(Incident.status != "resolved")
    elif status is not None:
        query = query.where(Incident.status == status)
    if after is not None:
        query = query.where(Incident.id < after)
    found = session.scalars(query).all()
    return page_of(found, limit=limit)


def read_incident(session: Session, incident_id: str) -> Incident:
    """Return an incident.

    Raises:
        NotFoundError: there is no such incident.
    """
    incident = session.get(Incident, incident_id)
    if incident is None:
        raise NotFoundError("There is no such incident.")
    return incident


def updates_of(session: Session, incident_id: str) -> Sequence[IncidentUpdate]:
    """Return the history of an incident, oldest first."""
    query = select(IncidentUpdate).where(IncidentUpdate.incident_id == incident_id)
    return session.scalars(query.order_by(IncidentUpdate.number)).all()
