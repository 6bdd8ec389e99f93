"""The self-test of live updates."""

from marshmallow import fields, validate

from web.schemas.fields import IdField, StrictSchema


class NewSelfTest(StrictSchema):
    """As whom to listen, and from a page of which origin."""

    party_id = IdField(metadata={"description": "Left out: nobody in particular."})
    origin = fields.String(
        validate=validate.Regexp(r"https?://[A-Za-z0-9.:\[\]_-]{1,200}\Z"),
        metadata={"description": "Of the page that listens, such as https://shop.example.com."},
    )


class SelfTestStep(StrictSchema):
    """One thing that was tried; `took_s` in seconds."""

    name = fields.String(required=True)
    outcome = fields.String(required=True)
    detail = fields.String(required=True)
    took_s = fields.String(required=True)


class SelfTest(StrictSchema):
    """Who is at fault: `web`, `cors`, `cookie`, `proxy`, `redis`, `relay`, or null for nobody.

    `advice` says what to do; with no `fault`, why something could not be tried.
    """

    url = fields.String(required=True)
    party_id = fields.String(required=True)
    origin = fields.String(required=True, allow_none=True)
    fault = fields.String(required=True, allow_none=True)
    advice = fields.String(required=True, allow_none=True)
    steps = fields.List(fields.Nested(SelfTestStep), required=True)
