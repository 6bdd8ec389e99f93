"""The ledger's accounts in answers."""

from marshmallow import fields, validate

from web.schemas.fields import DEFAULT_LIST, MAX_LIST, ShownAmountField, StrictSchema


class AccountQuery(StrictSchema):
    """Which accounts are wanted."""

    limit = fields.Integer(load_default=DEFAULT_LIST, validate=validate.Range(1, MAX_LIST))
    after = fields.String(metadata={"description": "The `next` of the page before."})


class Account(StrictSchema):
    """An account: `balance` in its natural direction, and in the trial balance's two columns."""

    path = fields.String()
    account_class = fields.String(data_key="class")
    asset = fields.String()
    balance = ShownAmountField(metadata={"description": "Minor units; negative when overdrawn."})
    held = ShownAmountField()
    debit = ShownAmountField()
    credit = ShownAmountField()


class AccountPage(StrictSchema):
    """Accounts that were posted to, by path."""

    data = fields.List(fields.Nested(Account))
    next = fields.String(allow_none=True)
