"""Versions of secrets in requests and answers; a value is taken in, and never given out."""

from marshmallow import fields, validate

from payments.secret_versions.kinds import LONGEST_OVERLAP, Kind
from web.schemas.fields import (
    CountField,
    MomentField,
    StrictSchema,
    TextField,
    reference_field,
)
from web.schemas.ops import MomentInput

_LONGEST_VALUE = 2_000


class NewVersion(StrictSchema):
    """A version to add; the others of its kind go on until the overlap is over."""

    reference = reference_field()
    value = TextField(
        longest=_LONGEST_VALUE,
        metadata={
            "description": "What the provider gave: a webhook's signing secret, or for `jwt_key`"
            " a public JWK as JSON text. Session, link and pepper keys are made here."
        },
    )
    starts_at = MomentInput(
        metadata={"description": "When it begins; else at once. What is made here: in 10 s."}
    )
    overlap_s = CountField(
        validate=validate.Range(0, int(LONGEST_OVERLAP.total_seconds())),
        metadata={
            "description": "How long the others live on after it begins. Else a day for webhook"
            " secrets and token keys, 12 hours for session keys, one hour for link keys;"
            " peppers live on until they are revoked."
        },
    )


class Version(StrictSchema):
    """A version of a secret; `due_at` is when a newer one should follow."""

    id = fields.String(attribute="version.id")
    kind = fields.String(attribute="version.kind", validate=validate.OneOf([*Kind]))
    origin = fields.String(
        attribute="version.origin", validate=validate.OneOf(["stored", "environment"])
    )
    state = fields.String(validate=validate.OneOf(["live", "upcoming", "ended", "revoked"]))
    starts_at = MomentField(attribute="version.starts_at")
    ends_at = MomentField(attribute="version.ends_at", allow_none=True)
    revoked_at = MomentField(attribute="version.revoked_at", allow_none=True)
    created_by = fields.String(attribute="version.created_by")
    created_at = MomentField(attribute="version.created_at")
    last_matched_at = MomentField(
        attribute="version.last_matched_at",
        allow_none=True,
        metadata={"description": "Of webhooks: when one was signed with it, to the minute."},
    )
    age_d = fields.Integer()
    due_at = MomentField(allow_none=True)


class Versions(StrictSchema):
    """Versions of secrets, the newest of each kind first; ended ones for ninety days."""

    data = fields.List(fields.Nested(Version))
