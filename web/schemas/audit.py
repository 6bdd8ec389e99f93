"""The audit log in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from web.schemas.fields import DEFAULT_LIST, MAX_LIST, MomentField, StrictSchema, TextField
from web.schemas.ops import MomentInput

OUTCOMES = ("done", "replayed", "seen", "refused", "failed")
_LONGEST = 200


class AuditQuery(StrictSchema):
    """Which entries are wanted, and which part of the list."""

    actor = TextField(
        longest=_LONGEST,
        metadata={"description": "A credential, or the person behind it, such as `party:pty_…`."},
    )
    action = TextField(longest=_LONGEST)
    subject = TextField(longest=_LONGEST, metadata={"description": "An id, of whatever it is."})
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    since = MomentInput(data_key="from")
    until = MomentInput(data_key="to", metadata={"description": "Entries before this moment."})
    limit = fields.Integer(load_default=DEFAULT_LIST, validate=validate.Range(1, MAX_LIST))
    after = fields.String(
        validate=validate.Regexp("[0-9]{1,18}$"),
        metadata={"description": "The `next` of the page before."},
    )


class AuditChange(StrictSchema):
    """A row that changed; hashes of its changed columns as they were and as they are."""

    table = fields.String()
    id = fields.String(allow_none=True)
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)


class AuditEntry(StrictSchema):
    """Who did what to what, when, from where, and why."""

    example: ClassVar[dict[str, Any]] = {
        "id": "aud_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "number": 4711,
        "at": "2026-11-23T09:30:00Z",
        "recorded_at": "2026-11-23T09:30:00Z",
        "actor": "party:pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "person": "party:pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "role": "admin",
        "action": "releases.freeze",
        "outcome": "done",
        "status": None,
        "code": None,
        "subjects": ["frz_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"],
        "changes": [
            {
                "table": "freezes",
                "id": "frz_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
                "before": None,
                "after": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            }
        ],
        "ip": "192.0.2.7",
        "request_id": "req_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "reason": "A seller's account was taken over.",
    }

    id = fields.String()
    number = fields.Integer(metadata={"description": "Grows; a missing one was rolled back."})
    at = MomentField(metadata={"description": "When the request began."})
    recorded_at = MomentField(metadata={"description": "When it was written, by the database."})
    actor = fields.String(metadata={"description": "The credential."})
    person = fields.String(metadata={"description": "Who stands behind the credential."})
    role = fields.String()
    action = fields.String()
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    status = fields.Integer(allow_none=True, metadata={"description": "Of the answer, if known."})
    code = fields.String(allow_none=True, metadata={"description": "Of the problem answered."})
    subjects = fields.List(fields.String())
    changes = fields.List(fields.Nested(AuditChange))
    ip = fields.String(allow_none=True)
    request_id = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)


class AuditPage(StrictSchema):
    """Entries, the newest first."""

    data = fields.List(fields.Nested(AuditEntry))
    next = fields.String(allow_none=True)
