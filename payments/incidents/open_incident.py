"""Opens an incident, and tells every open page when there is a banner."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import InvalidRequestError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.incidents.public_status import COMPONENTS, announce_status
from payments.incidents.tables import Incident, IncidentUpdate
from payments.log_lines import get_logger
from payments.privacy.redaction import redact_text

OPERATION = "incidents.open"
SEVERITIES = ("P1", "P2", "notice")

_log = get_logger(__name__)


def open_incident(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    title: str,
    severity: str,
    components: Sequence[str],
    banner: str | None,
    expected_at: dt.datetime | None,
    now: dt.datetime,
) -> Answered[Incident]:
    """Open an incident, once per reference; without a banner only staff knows of it.

    Raises:
        InvalidRequestError: a component is unknown, `expected_at` is past, or the banner holds
            what no log would: a key, a card's number, an IBAN.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    asked = {
        "title": title,
        "severity": severity,
        "components": sorted(set(components)),
        "banner": banner,
        "expected_at": expected_at.isoformat() if expected_at else None,
    }
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(asked),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(Incident, claim.replayed_id), replayed=True)
    _check_components(components)
    refuse_past(expected_at, now=now)
    refuse_secrets(banner)
    incident = Incident(
        id=new_id("inc", now=now),
        title=title,
        severity=severity,
        status="open",
        components=[name for name in COMPONENTS if name in components],
        banner=banner,
        expected_at=expected_at,
        opened_by=caller.person,
        opened_at=now,
        updated_at=now,
    )
    session.add(incident)
    session.flush()
    note_update(session, incident, caller=caller, note=None, now=now)
    if banner is not None:
        announce_status(session, now=now)
    idempotency.finish(session, claim, resource_id=incident.id, now=now)
    _log.warning("incident_opened", incident_id=incident.id, severity=severity, by=caller.person)
    return Answered(incident, replayed=False)


def note_update(
    session: Session, incident: Incident, *, caller: Caller, note: str | None, now: dt.datetime
) -> None:
    """Add how an incident stands now to its history."""
    session.add(
        IncidentUpdate(
            incident_id=incident.id,
            at=now,
            by=caller.person,
            status=incident.status,
            banner=incident.banner,
            expected_at=incident.expected_at,
            note=note,
        )
    )


def refuse_secrets(banner: str | None) -> None:
    """Refuse a banner with what everybody must not read, pasted by mistake.

    Raises:
        InvalidRequestError: it holds a key, a token, a card's number or an IBAN.
    """
    if banner is not None and redact_text(banner) != banner:
        fault = "Everybody reads this: it holds a key, or the number of a card or an account."
        raise InvalidRequestError("The banner cannot be told.", errors={"banner": [fault]})


def refuse_past(expected_at: dt.datetime | None, *, now: dt.datetime) -> None:
    """Refuse to promise an end that has been.

    Raises:
        InvalidRequestError: `expected_at` is not after `now`.
    """
    if expected_at is not None and expected_at <= now:
        fault = {"expected_at": ["Choose a moment to come, or leave it out."]}
        raise InvalidRequestError("The expected end is past.", errors=fault)


def _check_components(components: Sequence[str]) -> None:
    unknown = sorted(set(components) - set(COMPONENTS))
    if unknown:
        fault = {"components": [f"Choose of {', '.join(COMPONENTS)}."]}
        raise InvalidRequestError("There is no such component.", errors=fault)
