"""API keys in requests and answers."""

from marshmallow import fields, validate

from payments.access.api_keys import LONGEST_LIFE, LONGEST_OVERLAP
from payments.access.caller import KEY_ROLES
from web.policies import POLICIES
from web.schemas.fields import (
    CountField,
    MomentField,
    StrictSchema,
    TextField,
    reference_field,
)

_DAY_S = 86_400


class NewKey(StrictSchema):
    """A key to make."""

    reference = reference_field()
    name = TextField(required=True, longest=100)
    role = fields.String(required=True, validate=validate.OneOf(sorted(KEY_ROLES)))
    owner = TextField(
        load_default=None,
        longest=200,
        metadata={
            "description": "The person behind the key, such as `party:pty_…`; by default whoever"
            " makes it. Acts of two people take two of them, not two keys."
        },
    )
    scopes = fields.List(
        fields.String(validate=validate.OneOf(sorted(POLICIES))),
        load_default=list,
        metadata={"description": "Actions the key is narrowed to; none means all of its role."},
    )
    expires_in_s = CountField(
        load_default=int(LONGEST_LIFE.total_seconds()),
        validate=validate.Range(60, int(LONGEST_LIFE.total_seconds())),
    )


class KeyRotation(StrictSchema):
    """How long the old key works beside the new one."""

    reference = reference_field()
    overlap_s = CountField(
        load_default=_DAY_S, validate=validate.Range(0, int(LONGEST_OVERLAP.total_seconds()))
    )


class Key(StrictSchema):
    """A key without its secret."""

    id = fields.String()
    name = fields.String()
    role = fields.String()
    owner = fields.String()
    created_by = fields.String()
    scopes = fields.List(fields.String())
    created_at = MomentField()
    expires_at = MomentField(allow_none=True)
    revoked_at = MomentField(allow_none=True)
    last_used_at = MomentField(allow_none=True)


class IssuedKey(StrictSchema):
    """A key just made: `key` is its text, shown in the first answer only and null in a replay."""

    id = fields.String(attribute="key.id")
    name = fields.String(attribute="key.name")
    role = fields.String(attribute="key.role")
    owner = fields.String(attribute="key.owner")
    created_by = fields.String(attribute="key.created_by")
    scopes = fields.List(fields.String(), attribute="key.scopes")
    created_at = MomentField(attribute="key.created_at")
    expires_at = MomentField(attribute="key.expires_at")
    key = fields.String(attribute="text", allow_none=True)


class KeyPage(StrictSchema):
    """Keys in the order they were made."""

    data = fields.List(fields.Nested(Key))
    next = fields.String(allow_none=True)


class KeyUsesQuery(StrictSchema):
    """Since when."""

    since = fields.AwareDateTime(metadata={"description": "Left out: 30 days ago."})


class KeyUse(StrictSchema):
    """How often a key was used from a network; `is_new`: not from there before `since`."""

    network = fields.String(required=True)
    uses = fields.Integer(required=True)
    refused = fields.Integer(
        required=True, metadata={"description": "The secret was right, but the key had ended."}
    )
    days = fields.Integer(required=True)
    first_at = MomentField(required=True)
    last_at = MomentField(required=True)
    is_new = fields.Boolean(required=True)


class KeyDeeds(StrictSchema):
    """What was done with a key, or one that it followed, as the audit log says."""

    action = fields.String(required=True)
    outcome = fields.String(required=True)
    ip = fields.String(required=True)
    times = fields.Integer(required=True)
    first_at = MomentField(required=True)
    last_at = MomentField(required=True)


class KeyUses(StrictSchema):
    """Where a key was used, the newest place first, and what was done with it."""

    key = fields.Nested(Key, required=True)
    since = MomentField(required=True)
    uses = fields.List(fields.Nested(KeyUse), required=True)
    deeds = fields.List(fields.Nested(KeyDeeds), required=True)
