"""What everybody may know about how we are doing: components, the banner, incidents told of."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.delivery.live_events import EVERYBODY, announce
from payments.incidents.tables import Incident
from payments.lifecycle.view import rfc_3339

TOPIC = "status.updated"
SUBJECT = "status"
COMPONENTS = ("payments", "live_updates", "card", "bank", "crypto", "payouts", "documents")
"""What customers notice: the first two are asked for, the others as incidents say."""

MAX_TOLD = 20
SOMETHING_IS_WRONG = "Some functions are unavailable at the moment."

_WELL, _DEGRADED, _OUTAGE = "operational", "degraded", "outage"
_WORST = (_OUTAGE, _DEGRADED, _WELL)
_MEANS = {"P1": _OUTAGE, "P2": _DEGRADED, "notice": _WELL}
_RANKS = ("P1", "P2", "notice")
_ONE_AFTER_THE_OTHER = text("SELECT pg_advisory_xact_lock(4937120011)")


def incidents_told(session: Session) -> list[Incident]:
    """Return the open incidents that everybody is told of: the gravest first, then the newest."""
    query = (
        select(Incident)
        .where(text("status <> 'resolved'"), Incident.banner.is_not(None))
        .order_by(Incident.id.desc())
        .limit(MAX_TOLD)
    )
    found = session.scalars(query.execution_options(populate_existing=True)).all()
    return sorted(found, key=lambda incident: _RANKS.index(incident.severity))


def status_of(incidents: Sequence[Incident], *, out_of_order: Sequence[str] = ()) -> dict[str, Any]:
    """Return the public status: `out_of_order` names the components that do not answer now."""
    components = dict.fromkeys(COMPONENTS, _WELL) | dict.fromkeys(out_of_order, _OUTAGE)
    for incident in incidents:
        means = _WELL if incident.status == "monitoring" else _MEANS[incident.severity]
        for component in incident.components:
            components[component] = _worse(components.get(component, _WELL), means)
    return {
        "status": _overall(components, incidents),
        "banner": _banner(incidents, something_is_wrong=bool(out_of_order)),
        "components": components,
        "incidents": [_told(incident) for incident in incidents],
    }


def announce_status(session: Session, *, now: dt.datetime) -> None:
    """Tell every open page how we are doing, as part of this transaction.

    Whoever else changes an incident waits until this is committed, so the last status that pages
    hear of is that of all incidents.
    """
    session.flush()
    session.execute(_ONE_AFTER_THE_OTHER)
    announce(
        session,
        topic=TOPIC,
        subject_id=SUBJECT,
        audience=[EVERYBODY],
        data=status_of(incidents_told(session)),
        now=now,
    )


def _overall(components: Mapping[str, str], incidents: Sequence[Incident]) -> str:
    """`outage` when nobody can pay, `degraded` when something is not as it should be."""
    if components["payments"] == _OUTAGE:
        return _OUTAGE
    unwell = any(state != _WELL for state in components.values())
    grave = any(i.severity != "notice" and i.status == "open" for i in incidents)
    return _DEGRADED if unwell or grave else _WELL


def _banner(incidents: Sequence[Incident], *, something_is_wrong: bool) -> str | None:
    if incidents:
        return incidents[0].banner
    return SOMETHING_IS_WRONG if something_is_wrong else None


def _told(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "severity": incident.severity,
        "status": incident.status,
        "text": incident.banner,
        "components": list(incident.components),
        "since": _moment(incident.opened_at),
        "expected_at": _moment(incident.expected_at),
    }


def _moment(value: dt.datetime | None) -> str | None:
    return None if value is None else rfc_3339(value)


def _worse(one: str, other: str) -> str:
    return min(one, other, key=_WORST.index)
