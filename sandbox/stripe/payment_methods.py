"""A card as Stripe keeps it after it was entered: a payment method."""

from datetime import UTC, datetime

from sandbox.simulated.store import Transaction
from sandbox.stripe.account import Account, new_id
from sandbox.stripe.cards import (
    TestCard,
    card_for_fingerprint,
    card_for_number,
    card_for_token,
    passes_luhn,
)
from sandbox.stripe.forms import Parameters
from sandbox.stripe.refusals import Refusal, Resource, missing, parameter_missing

_MONTHS = range(1, 13)
_FAR_YEARS = 50
_CARD_CHECKS: Resource = {
    "address_line1_check": None,
    "address_postal_code_check": None,
    "cvc_check": "pass",
}


def from_token(transaction: Transaction, account: Account, token: str) -> Resource:
    """The payment method behind `pm_…`: one kept before, or a new one for a `pm_card_…` token."""
    kept = transaction.get(token, kind="payment_method")
    if kept is not None:
        return kept
    card = card_for_token(token)
    if card is None:
        raise missing("PaymentMethod", token, param="payment_method")
    return _keep(transaction, account, card, exp_month=12, exp_year=2034)


def from_card_fields(
    transaction: Transaction, account: Account, parameters: Parameters
) -> Resource:
    """The payment method for a card typed into the card field (`payment_method_data`)."""
    parameters.text("type", choices=("card",))
    fields = parameters.group("card")
    billing = parameters.group("billing_details")
    parameters.refuse_rest()
    if fields is None:
        raise parameter_missing("payment_method_data[card]")
    number = (fields.text("number") or "").replace(" ", "")
    month, year = fields.integer("exp_month") or 0, fields.integer("exp_year") or 0
    cvc = fields.text("cvc")
    fields.refuse_rest()
    name = billing.text("name") if billing is not None else None
    _check_card(number, month, year, cvc, this_year=_this_year(account))
    return _keep(
        transaction, account, card_for_number(number), exp_month=month, exp_year=year, name=name
    )


def _check_card(number: str, month: int, year: int, cvc: str | None, *, this_year: int) -> None:
    if not number.isdigit() or not passes_luhn(number):
        raise _bad_card("incorrect_number", "Your card number is incorrect.", "number")
    if month not in _MONTHS:
        raise _bad_card(
            "invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month"
        )
    if not this_year <= year < this_year + _FAR_YEARS:
        raise _bad_card(
            "invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year"
        )
    if cvc is not None and (not cvc.isdigit() or len(cvc) not in (3, 4)):
        raise _bad_card("invalid_cvc", "Your card's security code is invalid.", "cvc")


def _this_year(account: Account) -> int:
    return datetime.fromtimestamp(account.created, UTC).year


def _bad_card(code: str, message: str, param: str) -> Refusal:
    return Refusal(402, message, code=code, param=param, kind="card_error")


def _keep(
    transaction: Transaction,
    account: Account,
    card: TestCard,
    *,
    exp_month: int,
    exp_year: int,
    name: str | None = None,
) -> Resource:
    resource: Resource = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(name),
        "card": _card(card, exp_month=exp_month, exp_year=exp_year),
        "created": account.created,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    transaction.put(resource)
    return resource


def card_of(payment_method: Resource) -> TestCard:
    """The test card a payment method was made from, which says what happens when it is charged."""
    return card_for_fingerprint(payment_method["card"]["fingerprint"])


def _card(card: TestCard, *, exp_month: int, exp_year: int) -> Resource:
    return {
        "brand": card.brand,
        "checks": _CARD_CHECKS,
        "country": "US",
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def billing_details(name: str | None = None) -> Resource:
    """Who pays, of which only the name is ever known here."""
    parts = ("city", "country", "line1", "line2", "postal_code", "state")
    address: Resource = dict.fromkeys(parts)
    return {"address": address, "email": None, "name": name, "phone": None, "tax_id": None}
