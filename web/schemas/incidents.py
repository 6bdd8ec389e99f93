"""Incidents in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.incidents.change_incident import STATUSES
from payments.incidents.open_incident import SEVERITIES
from payments.incidents.public_status import COMPONENTS
from web.schemas.fields import (
    IdField,
    MomentField,
    PageQuery,
    StrictSchema,
    TextField,
    reference_field,
)
from web.schemas.ops import MomentInput

_INCIDENT_ID = "inc_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"
_BANNER = "Bank payments take longer than usual; money that was sent is safe."


def _severity(**kwargs: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(SEVERITIES), **kwargs)


def _status(**kwargs: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(STATUSES), **kwargs)


def _components(**kwargs: Any) -> fields.List[Any]:
    component = fields.String(validate=validate.OneOf(COMPONENTS))
    return fields.List(component, validate=validate.Length(0, len(COMPONENTS)), **kwargs)


def _moment_to_come(**kwargs: Any) -> MomentInput:
    return MomentInput(allow_none=True, **kwargs)


class NewIncident(StrictSchema):
    """What is wrong; with a banner, everybody is told."""

    example: ClassVar[dict[str, Any]] = {
        "reference": "incident-4711",
        "title": "TrueLayer confirms deposits an hour late",
        "severity": "P2",
        "components": ["bank"],
        "banner": _BANNER,
        "expected_at": "2036-11-22T16:00:00Z",
    }

    reference = reference_field()
    title = TextField(required=True, longest=200, metadata={"description": "For staff only."})
    severity = _severity(
        required=True,
        metadata={"description": "P1: an outage of the components; P2: they are degraded."},
    )
    components = _components(load_default=list)
    banner = TextField(
        longest=300,
        load_default=None,
        allow_none=True,
        metadata={"description": "What everybody reads; without it only staff knows."},
    )
    expected_at = _moment_to_come(load_default=None)


class IncidentChange(StrictSchema):
    """What changes of an incident; what is left out stays."""

    example: ClassVar[dict[str, Any]] = {
        "reference": "incident-4711-over",
        "status": "resolved",
        "note": "TrueLayer delivers again; all deposits have arrived.",
    }

    reference = reference_field()
    status = _status()
    banner = TextField(
        longest=300, allow_none=True, metadata={"description": "null takes it down."}
    )
    expected_at = _moment_to_come()
    note = TextField(
        longest=2000,
        lines=True,
        load_default=None,
        metadata={"description": "For the history; staff reads it. Name nobody."},
    )


class IncidentsQuery(PageQuery):
    """Which incidents are wanted."""

    status = fields.String(
        validate=validate.OneOf([*STATUSES, "unresolved"]),
        metadata={"description": "`unresolved` are the open and the monitored ones."},
    )
    after = IdField()


class Incident(StrictSchema):
    """An incident."""

    example: ClassVar[dict[str, Any]] = {
        "id": _INCIDENT_ID,
        "title": "TrueLayer confirms deposits an hour late",
        "severity": "P2",
        "status": "open",
        "components": ["bank"],
        "banner": _BANNER,
        "expected_at": "2036-11-22T16:00:00Z",
        "opened_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "opened_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
        "resolved_at": None,
    }

    id = fields.String()
    title = fields.String()
    severity = _severity()
    status = _status()
    components = _components()
    banner = fields.String(allow_none=True)
    expected_at = MomentField(allow_none=True)
    opened_by = fields.String()
    opened_at = MomentField()
    updated_at = MomentField()
    resolved_at = MomentField(allow_none=True)


class IncidentUpdate(StrictSchema):
    """One entry of the history: how the incident stood from then on."""

    at = MomentField()
    by = fields.String()
    status = _status()
    banner = fields.String(allow_none=True)
    expected_at = MomentField(allow_none=True)
    note = fields.String(allow_none=True)


class IncidentWithHistory(Incident):
    """An incident with its history, oldest first."""

    example: ClassVar[dict[str, Any]] = {
        **Incident.example,
        "updates": [
            {
                "at": "2026-11-22T12:00:00Z",
                "by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
                "status": "open",
                "banner": _BANNER,
                "expected_at": "2036-11-22T16:00:00Z",
                "note": None,
            }
        ],
    }

    updates = fields.List(fields.Nested(IncidentUpdate))


class IncidentPage(StrictSchema):
    """Incidents, newest first."""

    data = fields.List(fields.Nested(Incident))
    next = fields.String(allow_none=True)
