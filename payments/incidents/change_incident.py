"""Changes an incident: how it stands, what everybody reads, when it should be over, a note."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.incidents.open_incident import note_update, refuse_past, refuse_secrets
from payments.incidents.public_status import announce_status
from payments.incidents.tables import Incident
from payments.log_lines import get_logger

OPERATION = "incidents.change"
STATUSES = ("open", "monitoring", "resolved")
CHANGEABLE = ("status", "banner", "expected_at")

_log = get_logger(__name__)


def change_incident(
    session: Session,
    incident_id: str,
    *,
    caller: Caller,
    reference: str,
    changes: Mapping[str, Any],
    note: str | None,
    now: dt.datetime,
) -> Answered[Incident]:
    """Change what `changes` names (`status`, `banner`, `expected_at`), once per reference.

    A banner of None takes it down. A resolved incident tells nobody anything any more, and stays
    as it is: what happens again is a new one.

    Raises:
        InvalidRequestError: nothing is to be changed, `expected_at` is past, or the banner holds
            what nobody may read.
        NotFoundError: there is no such incident.
        ConflictError: it is resolved (`incident_resolved`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    if not changes and note is None:
        raise InvalidRequestError(
            "Nothing is to be changed.", errors={"note": ["Send a note, or what is to change."]}
        )
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(_asked(incident_id, changes, note)),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(Incident, claim.replayed_id), replayed=True)
    incident = session.get(Incident, incident_id, with_for_update=True)
    if incident is None:
        raise NotFoundError("There is no such incident.")
    if incident.status == "resolved":
        raise ConflictError("It is resolved; open another one.", code="incident_resolved")
    refuse_past(changes.get("expected_at"), now=now)
    refuse_secrets(changes.get("banner"))
    was_told = incident.banner is not None
    for name in CHANGEABLE:
        if name in changes:
            setattr(incident, name, changes[name])
    incident.updated_at = now
    incident.resolved_at = now if incident.status == "resolved" else None
    session.flush()
    note_update(session, incident, caller=caller, note=note, now=now)
    if changes and (was_told or incident.banner is not None):
        announce_status(session, now=now)
    idempotency.finish(session, claim, resource_id=incident.id, now=now)
    _log.warning(
        "incident_changed", incident_id=incident.id, status=incident.status, by=caller.person
    )
    return Answered(incident, replayed=False)


def _asked(incident_id: str, changes: Mapping[str, Any], note: str | None) -> dict[str, Any]:
    expected_at = changes.get("expected_at")
    moment = {"expected_at": expected_at.isoformat()} if expected_at else {}
    return {"incident_id": incident_id, "note": note, **changes, **moment}
