"""Health, status and sessions in answers."""

from marshmallow import fields

from web.schemas.fields import IdField, MomentField, StrictSchema


class Status(StrictSchema):
    """What customers may be told."""

    status = fields.String()
    banner = fields.String(allow_none=True)
    components = fields.Dict(keys=fields.String(), values=fields.String())


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
