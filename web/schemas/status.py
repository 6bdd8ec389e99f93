"""Health, status and sessions in answers."""

from marshmallow import fields

from web.schemas.fields import MomentField, StrictSchema


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


class Received(StrictSchema):
    """What a provider is told about its event."""

    received = fields.Boolean()
    duplicate = fields.Boolean()
