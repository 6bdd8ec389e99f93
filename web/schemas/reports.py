"""Reports of the ledger in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.reports.formats.registry import FORMATS
from payments.reports.wanted import ACCOUNT_PATTERN, ASSET_PATTERN, AXES, DETAILS
from web.schemas.fields import ID_PATTERN, StrictSchema

JSON = "json"
MOST_ROWS = 1000
USUAL_ROWS = 100

_DAY = {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "format": "date"}


def _text(description: str, **schema: Any) -> fields.String:
    return fields.String(metadata={"description": description, **schema})


def format_field(*, default: str | None = None) -> fields.String:
    """Return the field `format`; without a default it is required."""
    choices = [*([JSON] if default == JSON else []), *FORMATS]
    told = {"description": "How the report is written."}
    if default is None:
        return fields.String(required=True, validate=validate.OneOf(choices), metadata=told)
    return fields.String(load_default=default, validate=validate.OneOf(choices), metadata=told)


class PeriodSchema(StrictSchema):
    """Which part of the books is wanted.

    What a filter may hold is read by payments/reports/wanted.py, for the command line as for HTTP:
    here it is only described.
    """

    from_ = _text("The first day of the period, in UTC.", **_DAY)
    to = _text("The last day of the period, in UTC.", **_DAY)
    as_of = _text(
        "What was recorded by then, as RFC 3339, or a day: its end, in UTC. Default: now. The same"
        " `as_of` gives the same report for ever.",
        examples=["2026-10-31T18:00:00Z"],
    )
    by = _text(
        "Which date of an entry the period is about: when it happened (default), or when it was"
        " recorded.",
        enum=list(AXES),
    )
    asset = _text("One asset only, such as EUR.", pattern=f"^{ASSET_PATTERN}$")

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name `from_` as callers do."""
        if field_name == "from_":
            field_obj.data_key = "from"


class FilterSchema(PeriodSchema):
    """Which part of a report is wanted."""

    account = _text(
        "An account and all below it, such as `liabilities:escrow`.",
        pattern=f"^{ACCOUNT_PATTERN}$",
    )
    control = _text(
        "Exactly one control account: what a trial balance shows in one row.",
        pattern=f"^{ACCOUNT_PATTERN}$",
    )
    detail = _text("Control accounts (default), or every single account.", enum=list(DETAILS))
    seller_id = _text("One seller only.", pattern=f"^{ID_PATTERN}$")


class WrittenSchema(StrictSchema):
    """How a report is written."""

    format = format_field(default=JSON)
    limit = fields.Integer(
        load_default=USUAL_ROWS,
        validate=validate.Range(1, MOST_ROWS),
        metadata={"description": "As JSON, of long reports: rows in this page."},
    )
    after = fields.String(
        validate=validate.Length(1, 1000),
        metadata={"description": "As JSON: the `next` of the page before."},
    )


class StatementQuery(PeriodSchema, WrittenSchema):
    """Which part of an account's statement is wanted, and how it is written."""


class ReportQuery(FilterSchema, WrittenSchema):
    """Which part of a report is wanted, and how it is written."""


class ReportColumn(StrictSchema):
    """A column: amounts are strings of minor units of the row's asset."""

    name = fields.String()
    title = fields.String()
    kind = fields.String(validate=validate.OneOf(["text", "amount", "count", "date", "moment"]))


class ReportAnswer(StrictSchema):
    """A report: what it shows, its rows by the names of the columns, and their sums."""

    example: ClassVar = {
        "report": "trial-balance",
        "title": "Trial balance",
        "as_of": "2026-10-31T23:59:59.999999Z",
        "sequence": 41_207,
        "by": "effective",
        "from": "2026-10-01",
        "to": "2026-10-31",
        "asset": None,
        "filters": {"from": "2026-10-01", "to": "2026-10-31", "as_of": "2026-10-31T23:59:59Z"},
        "columns": [
            {"name": "account", "title": "Account", "kind": "text"},
            {"name": "asset", "title": "Asset", "kind": "text"},
            {"name": "debit", "title": "Debit", "kind": "amount"},
        ],
        "rows": [
            {
                "account": "assets:stripe:pending",
                "asset": "EUR",
                "debit": "11900",
                "drill_down": "/api/ledger/reports/general-ledger?control=assets:stripe:pending"
                "&asset=EUR&from=2026-10-01&to=2026-10-31&as_of=2026-10-31T23:59:59.999999Z",
            }
        ],
        "totals": [{"asset": "EUR", "debit": "11900"}],
        "next": None,
    }

    report = fields.String()
    title = fields.String()
    as_of = fields.String(metadata={"format": "date-time"})
    sequence = fields.Integer(metadata={"description": "The newest entry that may be in it."})
    by = fields.String(validate=validate.OneOf(list(AXES)))
    from_ = fields.Date(data_key="from", allow_none=True)
    to = fields.Date(allow_none=True)
    asset = fields.String(allow_none=True)
    filters = fields.Dict(keys=fields.String(), values=fields.String())
    columns = fields.List(fields.Nested(ReportColumn))
    rows = fields.List(
        fields.Dict(keys=fields.String()),
        metadata={
            "description": "By the names of the columns; `drill_down` is the address of what a row"
            " is made of: a report, a statement or an entry."
        },
    )
    totals = fields.List(
        fields.Dict(keys=fields.String(), values=fields.String()),
        metadata={"description": "The sums of the rows shown, by asset."},
    )
    next = fields.String(
        allow_none=True, metadata={"description": "`after` of the next page; null at the end."}
    )
