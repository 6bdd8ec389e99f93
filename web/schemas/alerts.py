"""Alerts in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.alert_settings import TARGETS
from payments.alerts.read_alerts import STATUSES, UNRESOLVED
from web.schemas.fields import MomentField, PageQuery, StrictSchema, TextField, reference_field

_ALERT_ID = "alr_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"


def _target(**kwargs: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(TARGETS), **kwargs)


class AlertsQuery(PageQuery):
    """Which alerts are wanted."""

    status = fields.String(
        validate=validate.OneOf([*STATUSES, UNRESOLVED]),
        metadata={"description": "`unresolved` are the open and the acknowledged ones."},
    )


class Acknowledgement(StrictSchema):
    """That somebody has taken an alert on."""

    example: ClassVar[dict[str, Any]] = {"reference": "taken-4711", "note": "I look into it."}

    reference = reference_field()
    note = TextField(longest=2000, lines=True, load_default=None)


class NewAlertTest(StrictSchema):
    """Whom to send a test."""

    example: ClassVar[dict[str, Any]] = {"reference": "test-4711", "target": "on_call"}

    reference = reference_field()
    target = _target(required=True)


class Alert(StrictSchema):
    """A condition that is true, or was."""

    example: ClassVar[dict[str, Any]] = {
        "id": _ALERT_ID,
        "condition": "dead_letters",
        "title": "There are dead letters",
        "measured": "Events, jobs and notices that failed in every attempt",
        "priority": "P2",
        "status": "acknowledged",
        "figures": {"count": 3, "keys": [], "webhook": 3},
        "runbook": "dead-letters",
        "since": "2026-11-22T12:00:00Z",
        "opened_at": "2026-11-22T12:00:00Z",
        "last_seen_at": "2026-11-22T12:10:00Z",
        "clear_since": None,
        "seen": 20,
        "reopened": 0,
        "tellings": 1,
        "told_at": "2026-11-22T12:00:00Z",
        "next_telling_at": "2026-11-29T12:01:00Z",
        "acknowledged_by": "key:01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "acknowledged_at": "2026-11-22T12:01:00Z",
        "note": "I look into it.",
        "resolved_at": None,
    }

    id = fields.String()
    condition = fields.String()
    title = fields.String()
    measured = fields.String(allow_none=True)
    priority = fields.String(validate=validate.OneOf(["P1", "P2"]))
    status = fields.String(validate=validate.OneOf(STATUSES))
    figures = fields.Dict(
        metadata={"description": "`count`, `keys` of the things concerned (up to 50), and more."}
    )
    runbook = fields.String(allow_none=True)
    since = MomentField()
    opened_at = MomentField(allow_none=True)
    last_seen_at = MomentField()
    clear_since = MomentField(allow_none=True)
    seen = fields.Integer()
    reopened = fields.Integer()
    tellings = fields.Integer()
    told_at = MomentField(allow_none=True)
    next_telling_at = MomentField(allow_none=True)
    acknowledged_by = fields.String(allow_none=True)
    acknowledged_at = MomentField(allow_none=True)
    note = fields.String(allow_none=True)
    resolved_at = MomentField(allow_none=True)


class AlertDelivery(StrictSchema):
    """One message to one address of a target, by the address's place among them."""

    number = fields.Integer()
    kind = fields.String(validate=validate.OneOf(["opened", "again", "worse", "resolved", "test"]))
    target = _target()
    address = fields.Integer(allow_none=True)
    state = fields.String(
        validate=validate.OneOf(["waiting", "delivered", "replaced", "failed", "no_address"])
    )
    attempts = fields.Integer()
    error = fields.String(allow_none=True)
    created_at = MomentField()
    attempted_at = MomentField(allow_none=True)
    delivered_at = MomentField(allow_none=True)


_DELIVERY = {
    "number": 17,
    "kind": "opened",
    "target": "sre",
    "address": 1,
    "state": "delivered",
    "attempts": 1,
    "error": None,
    "created_at": "2026-11-22T12:00:00Z",
    "attempted_at": "2026-11-22T12:00:01Z",
    "delivered_at": "2026-11-22T12:00:01Z",
}


class AlertWithDeliveries(Alert):
    """An alert with the messages about it, oldest first."""

    example: ClassVar[dict[str, Any]] = {**Alert.example, "deliveries": [_DELIVERY]}

    deliveries = fields.List(fields.Nested(AlertDelivery))


class AlertPage(StrictSchema):
    """Alerts, newest first."""

    data = fields.List(fields.Nested(Alert))
    next = fields.String(allow_none=True)


class AlertTest(StrictSchema):
    """A test that is on its way."""

    example: ClassVar[dict[str, Any]] = {
        "target": "on_call",
        "deliveries": [{**_DELIVERY, "kind": "test", "target": "on_call"}],
    }

    target = _target()
    deliveries = fields.List(fields.Nested(AlertDelivery))


class Condition(StrictSchema):
    """When people are told, and of what; times in seconds."""

    name = fields.String()
    priority = fields.String(validate=validate.OneOf(["P1", "P2"]))
    title = fields.String()
    measured = fields.String()
    least = fields.Integer(metadata={"description": "It is true from this count on."})
    holds_for_s = fields.Integer()
    settles_in_s = fields.Integer()
    runbook = fields.String()


class ConditionList(StrictSchema):
    """Every condition."""

    data = fields.List(fields.Nested(Condition))
