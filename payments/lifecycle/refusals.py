"""What is told of a payment and cannot be about it: refused by name before anything is changed."""

from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.locked_payments import LockedPayments
from payments.providers.facts import ChargeSucceeded, Fact, MoneyReceived

Refusal = tuple[str, str]
"""A stable code, and what is wrong."""


def refusal_of(fact: Fact, payment: LockedPayment, payments: LockedPayments) -> Refusal | None:
    """Return why the fact must not touch the payment; None when it may."""
    if not payment.is_named_by(fact):
        return "reference_differs", f"{fact.provider_ref} and {fact.payment_id} are not one payment"
    if isinstance(fact, ChargeSucceeded | MoneyReceived):
        return _refusal_of_money(fact, payment, payments)
    return None


def _refusal_of_money(
    fact: ChargeSucceeded | MoneyReceived, payment: LockedPayment, payments: LockedPayments
) -> Refusal | None:
    view = payment.view
    if fact.currency != view.currency:
        return "currency_differs", f"paid in {fact.currency}, ours is in {view.currency}"
    if isinstance(fact, MoneyReceived) != (view.bank is not None):
        return "rail_differs", f"{type(fact).__name__} of a payment by {view.rail}"
    if isinstance(fact, MoneyReceived):
        return _refusal_of_receipt(fact, payment, payments)
    if not _is_due(payment, fact.amount):
        return "amount_differs", f"paid {fact.amount}, ours is {view.amount} minor units"
    return None


def _refusal_of_receipt(
    fact: MoneyReceived, payment: LockedPayment, payments: LockedPayments
) -> Refusal | None:
    """What arrives at a bank may be any amount: payers type it in."""
    if fact.amount < 1:
        return "amount_differs", f"received {fact.amount} minor units"
    if not payments.is_receipt_of(payment, fact):
        return "receipt_differs", f"{fact.source} told {fact.receipt_ref} of another payment"
    return None


def _is_due(payment: LockedPayment, amount: int) -> bool:
    """Whether a card may have been charged this: the whole, or a part where we capture."""
    view = payment.view
    if payment.is_charged:
        return amount == view.amount_captured
    return 0 < amount <= view.amount if payment.is_manual else amount == view.amount
