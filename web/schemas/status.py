"""Health, status and sessions in answers."""

from marshmallow import fields, validate

from web.schemas.fields import IdField, MomentField, StrictSchema


class ToldIncident(StrictSchema):
    """What everybody is told of an incident."""

    id = fields.String()
    severity = fields.String(validate=validate.OneOf(["P1", "P2", "notice"]))
    status = fields.String(validate=validate.OneOf(["open", "monitoring"]))
    text = fields.String()
    components = fields.List(fields.String())
    since = fields.String()
    expected_at = fields.String(allow_none=True)


class Status(StrictSchema):
    """What customers may be told; the event `status.updated` brings the same to open pages."""

    status = fields.String(validate=validate.OneOf(["operational", "degraded", "outage"]))
    banner = fields.String(allow_none=True)
    components = fields.Dict(keys=fields.String(), values=fields.String())
    incidents = fields.List(fields.Nested(ToldIncident))


class Health(StrictSchema):
    """Whether this process can do its work."""

    status = fields.String()
    checks = fields.Dict(keys=fields.String(), values=fields.String())


class SignedIn(StrictSchema):
    """Who is signed in; the cookie is in the header."""

    role = fields.String()
    party_id = fields.String(allow_none=True)
    expires_at = MomentField()


class EndedPerson(StrictSchema):
    """Whose access ends: a party, or a member of staff by the `sub` of their tokens."""

    party_id = IdField(required=True)


class EndedAccess(StrictSchema):
    """What ended; `sessions` counts signed-in browsers."""

    party_id = fields.String()
    ended_at = MomentField()
    sessions = fields.Integer()


class Received(StrictSchema):
    """What a provider is told about its event."""

    received = fields.Boolean()
    duplicate = fields.Boolean()
