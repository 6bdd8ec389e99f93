"""Account mappings in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.reports.mappings.packages import PACKAGES
from payments.reports.mappings.set_mappings import PATH_PATTERN
from web.schemas.fields import MomentField, StrictSchema, TextField

_MOST = 1_000
_PATH = validate.Regexp(f"^{PATH_PATTERN}$", error="Write a path, such as liabilities:escrow.")
_OURS = "A control account of ours, which stands for all under it, or a single account."
_THEIRS = "The package's account: its code in Xero, its name in QuickBooks."
_TAX = "Xero needs it: the full name of the tax rate to book with, such as No Tax."
_EXAMPLE = {"account": "liabilities:escrow", "code": "820", "tax_code": "No Tax"}


class NewMapping(StrictSchema):
    """What one of our accounts is called in a package."""

    account = fields.String(required=True, validate=_PATH, metadata={"description": _OURS})
    code = TextField(required=True, longest=150, metadata={"description": _THEIRS})
    tax_code = TextField(
        longest=100, load_default=None, allow_none=True, metadata={"description": _TAX}
    )


class NewMappings(StrictSchema):
    """All mappings of a package: those that are not named are removed."""

    example: ClassVar = {"data": [_EXAMPLE]}

    data = fields.List(
        fields.Nested(NewMapping), required=True, validate=validate.Length(max=_MOST)
    )


class Mapping(StrictSchema):
    """What one of our accounts is called in a package, and who said so."""

    account = fields.String(attribute="control")
    code = fields.String()
    tax_code = fields.String(allow_none=True)
    updated_by = fields.String()
    updated_at = MomentField()


class Mappings(StrictSchema):
    """A package's mappings; `unmapped` are the control accounts that moved and have none."""

    example: ClassVar = {
        "package": "xero",
        "data": [
            _EXAMPLE | {"updated_by": "key:books", "updated_at": "2026-11-22T12:00:00Z"},
        ],
        "unmapped": ["assets:stripe:pending"],
    }

    package = fields.String(validate=validate.OneOf(PACKAGES))
    data = fields.List(fields.Nested(Mapping))
    unmapped = fields.List(fields.String())
