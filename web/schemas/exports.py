"""Exports in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.reports.formats.registry import FORMATS
from payments.reports.names import DEFINITIONS
from web.schemas.fields import MomentField, StrictSchema, reference_field
from web.schemas.reports import FilterSchema, format_field

_ID = "exp_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"
_FILTERS = {"from": "2026-10-01", "to": "2026-10-31", "as_of": "2026-11-01T06:00:00Z"}
STATUSES = ("waiting", "running", "ready", "failed", "expired")


class NewExport(FilterSchema):
    """A report to be written by a job, in a format; filters as for the report itself."""

    example: ClassVar = {
        "reference": "close-2026-10-journal",
        "report": "journal",
        "format": "beancount",
        "from": "2026-10-01",
        "to": "2026-10-31",
    }

    reference = reference_field()
    report = fields.String(required=True, validate=validate.OneOf(list(DEFINITIONS)))
    format = format_field()


class Manifest(StrictSchema):
    """What a file shows and comes to; it is the same whenever the file is made again."""

    report = fields.String()
    format = fields.String()
    filters = fields.Dict(keys=fields.String(), values=fields.String())
    as_of = fields.String(metadata={"format": "date-time"})
    ledger_sequence = fields.Integer(
        metadata={"description": "The newest entry that may be in it."}
    )
    rows = fields.Integer()
    sums = fields.List(
        fields.Dict(keys=fields.String(), values=fields.String()),
        metadata={"description": "By asset, the sums of columns that add up, in minor units."},
    )
    sha256 = fields.String(metadata={"description": "Of the file's bytes."})
    size = fields.Integer(metadata={"description": "Of the file, in bytes."})
    generator = fields.String()


class Export(StrictSchema):
    """An export: how far it is, and where its file is once it is `ready`."""

    example: ClassVar[dict[str, Any]] = {
        "id": _ID,
        "report": "journal",
        "format": "csv",
        "filters": _FILTERS,
        "status": "ready",
        "row_count": 20_416,
        "rows_expected": 20_416,
        "manifest": {
            "report": "journal",
            "format": "csv",
            "filters": {"from": "2026-10-01", "to": "2026-10-31"},
            "as_of": "2026-11-01T06:00:00Z",
            "ledger_sequence": 41_207,
            "rows": 20_416,
            "sums": [{"asset": "EUR", "debit": "9133700", "credit": "9133700"}],
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "size": 4_718_592,
            "generator": "strongroom 0.6.0",
        },
        "failure": None,
        "download_url": f"/api/ledger/exports/{_ID}/download",
        "requested_by": "key:key_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "created_at": "2026-11-01T06:00:00Z",
        "updated_at": "2026-11-01T06:00:02Z",
        "expires_at": "2026-11-02T06:00:02Z",
    }

    id = fields.String()
    report = fields.String(validate=validate.OneOf(list(DEFINITIONS)))
    format = fields.String(validate=validate.OneOf(list(FORMATS)))
    filters = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        attribute="parameters",
        metadata={"description": "What was asked for; `as_of` was fixed then."},
    )
    status = fields.String(validate=validate.OneOf(STATUSES))
    row_count = fields.Integer(metadata={"description": "Rows written so far."})
    rows_expected = fields.Integer(
        allow_none=True, metadata={"description": "About how many there will be, if known."}
    )
    manifest = fields.Nested(Manifest, allow_none=True)
    failure = fields.String(allow_none=True)
    download_url = fields.String(
        allow_none=True, metadata={"description": "Where the file is, from `ready` to expiry."}
    )
    requested_by = fields.String()
    created_at = MomentField()
    updated_at = MomentField()
    expires_at = MomentField(metadata={"description": "When the file is deleted."})


class ExportPage(StrictSchema):
    """Exports, the last one asked for first."""

    data = fields.List(fields.Nested(Export))
    next = fields.String(allow_none=True)
