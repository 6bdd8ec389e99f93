"""Data keys and rotations in requests and answers."""

from typing import ClassVar

from marshmallow import fields

from web.schemas.fields import MomentField, StrictSchema, reference_field


class NewRotation(StrictSchema):
    """A rotation to begin."""

    example: ClassVar = {"reference": "rotation-2026-11"}

    reference = reference_field()


class DataKey(StrictSchema):
    """A data key, without the key."""

    version = fields.Integer()
    state = fields.String(metadata={"description": "newest, old, closed or retired."})
    wrapped_by_primary = fields.Boolean(
        allow_none=True, metadata={"description": "By the keyset's primary key."}
    )
    created_by = fields.String()
    created_at = MomentField()
    closed_at = MomentField(allow_none=True)
    retired_at = MomentField(allow_none=True)


class EncryptionRun(StrictSchema):
    """A rotation: `encrypted` of `fields` are made with the new key."""

    example: ClassVar = {
        "id": "enc_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "status": "running",
        "key_version": 2,
        "fields": 48210,
        "encrypted": 12200,
        "unreadable": 0,
        "requested_by": "ada",
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:07Z",
        "finished_at": None,
    }

    id = fields.String()
    status = fields.String(metadata={"description": "running or done."})
    key_version = fields.Integer()
    fields_ = fields.Integer(
        attribute="fields",
        data_key="fields",
        allow_none=True,
        metadata={"description": "How many were to be encrypted anew; null: not counted yet."},
    )
    encrypted = fields.Integer()
    unreadable = fields.Integer(metadata={"description": "These do not decrypt, and stay."})
    requested_by = fields.String()
    created_at = MomentField()
    updated_at = MomentField()
    finished_at = MomentField(allow_none=True)


class Encryption(StrictSchema):
    """How the encryption of personal data stands."""

    keys = fields.List(fields.Nested(DataKey))
    run = fields.Nested(EncryptionRun, allow_none=True)
