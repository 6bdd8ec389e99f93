"""The ledger's accounts in answers."""

from marshmallow import fields, validate

from web.schemas.fields import DEFAULT_LIST, MAX_LIST, AmountField, StrictSchema


class AccountQuery(StrictSchema):
    """Which accounts are wanted."""

    limit = fields.Integer(load_default=DEFAULT_LIST, validate=validate.Range(1, MAX_LIST))
    after = fields.String(metadata={"description": "The `next` of the page before."})


class Account(StrictSchema):
    """An account: `balance` in its natural direction, and in the trial balance's two columns."""

    path = fields.String()
    account_class = fields.String(data_key="class")
    asset = fields.String()
    balance = AmountField(metadata={"description": "Minor units; negative when overdrawn."})
    held = AmountField()
    debit = AmountField()
    credit = AmountField()


class AccountPage(StrictSchema):
    """Accounts that were posted to, by path."""

    data = fields.List(fields.Nested(Account))
    next = fields.String(allow_none=True)
