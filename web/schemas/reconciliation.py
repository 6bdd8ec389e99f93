"""Bank statements in requests and answers."""

from typing import ClassVar

from marshmallow import fields, validate

from payments.reconciliation.statements.detect import FORMATS
from web.schemas.fields import MomentField, PageQuery, ShownAmountField, StrictSchema, TextField

_ACCOUNT = "The account's name in the settings (BANK_ACCOUNTS)."


class StatementQuery(StrictSchema):
    """Which account a file is of, and how to read it; the file itself is the body."""

    account = TextField(longest=40, required=True, metadata={"description": _ACCOUNT})
    format = fields.String(
        load_default="auto",
        validate=validate.OneOf(["auto", *FORMATS]),
        metadata={"description": "What the file must be; `auto` looks into it."},
    )
    filename = TextField(
        longest=200, load_default="statement", metadata={"description": "To find it again."}
    )
    mapping = fields.String(
        validate=validate.Length(1, 10_000),
        metadata={
            "description": "For CSV: a preset's name, or a JSON object that says which column is"
            " what; see docs/reconciliation.md."
        },
    )


class ImportedStatement(StrictSchema):
    """A statement of one of our accounts, as its file says it."""

    id = fields.String()
    file_id = fields.String()
    account = fields.String(metadata={"description": _ACCOUNT})
    currency = fields.String()
    statement_ref = fields.String(
        allow_none=True, metadata={"description": "The bank's name for it."}
    )
    from_date = fields.Date(allow_none=True)
    to_date = fields.Date(allow_none=True)
    opening_balance = ShownAmountField(allow_none=True)
    closing_balance = ShownAmountField(allow_none=True)
    lines = fields.Integer(metadata={"description": "Booked lines in the file."})
    new_lines = fields.Integer(metadata={"description": "Of them, in no file before."})
    imported_at = MomentField()


class StatementImport(StrictSchema):
    """What a file brought."""

    example: ClassVar = {
        "file_id": "stf_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "filename": "november.xml",
        "format": "camt.053",
        "statements": [
            {
                "id": "stm_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
                "file_id": "stf_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
                "account": "main",
                "currency": "EUR",
                "statement_ref": "2026-11-20",
                "from_date": "2026-11-20",
                "to_date": "2026-11-20",
                "opening_balance": "1000000",
                "closing_balance": "1012500",
                "lines": 3,
                "new_lines": 3,
                "imported_at": "2026-11-22T12:00:00Z",
            }
        ],
        "new_lines": 3,
        "already_imported": False,
    }

    file_id = fields.String()
    filename = fields.String()
    format = fields.String(validate=validate.OneOf(FORMATS))
    statements = fields.List(fields.Nested(ImportedStatement))
    new_lines = fields.Integer(metadata={"description": "Lines that no other file had brought."})
    already_imported = fields.Boolean(
        metadata={"description": "This very file was there: the answer is as it was then."}
    )


class StatementsQuery(PageQuery):
    """Which statements are wanted."""

    account = TextField(longest=40, metadata={"description": _ACCOUNT})


class StatementPage(StrictSchema):
    """Statements, the last imported first."""

    data = fields.List(fields.Nested(ImportedStatement))
    next = fields.String(allow_none=True)
