"""Capturing an authorized PaymentIntent, whole or in part, and letting go of the rest.

As described at https://docs.stripe.com/payments/place-a-hold-on-a-payment-method. What is not
captured appears as a refund without a balance transaction: no money ever moved.
"""

from sandbox.stripe import charges
from sandbox.stripe.books import Books
from sandbox.stripe.forms import Parameters
from sandbox.stripe.payment_intents import retrieve
from sandbox.stripe.refunds import new_refund
from sandbox.stripe.refusals import Refusal, Resource, invalid


def capture(books: Books, intent_id: str, parameters: Parameters) -> Resource:
    """Take `amount_to_capture` (all if left out) of the authorized amount, once."""
    intent = retrieve(books.transaction, intent_id)
    amount = parameters.integer("amount_to_capture")
    metadata = parameters.metadata()
    parameters.refuse_rest()
    if intent["status"] != "requires_capture":
        raise Refusal(
            400,
            "This PaymentIntent could not be captured because it has a status of"
            f" {intent['status']}. Only a PaymentIntent with one of the following statuses may be"
            " captured: requires_capture.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": intent},
        )
    amount = intent["amount_capturable"] if amount is None else amount
    _check(amount, intent["amount_capturable"])
    charge = books.find("charge", intent["latest_charge"])
    charge.update(captured=True, amount_captured=amount)
    intent["metadata"].update(metadata)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    charges.settle(books.transaction, books.account, charge)
    if amount < charge["amount"]:
        release(books, charge)
    books.keep(charge, "charge.captured")
    books.keep(intent, "payment_intent.succeeded")
    return intent


def _check(amount: int, capturable: int) -> None:
    if amount < 1:
        raise invalid(
            "amount_to_capture", "Invalid positive integer", code="parameter_invalid_integer"
        )
    if amount > capturable:
        raise invalid(
            "amount_to_capture",
            f"The amount to capture ({amount}) is greater than the amount capturable"
            f" ({capturable}).",
            code="amount_too_large",
        )


def expire(books: Books, intent_id: str) -> None:
    """Cancel an intent whose authorization nobody captured in time."""
    intent = retrieve(books.transaction, intent_id)
    if intent["status"] != "requires_capture":
        return
    charge = books.find("charge", intent["latest_charge"])
    release(books, charge, reason="expired_uncaptured_charge")
    intent.update(
        status="canceled",
        canceled_at=books.account.created,
        cancellation_reason="automatic",
        amount_capturable=0,
    )
    books.keep(charge, "charge.expired")
    books.keep(intent, "payment_intent.canceled")


def release(books: Books, charge: Resource, *, reason: str | None = None) -> None:
    """Let go of what was authorized and not captured."""
    rest = charge["amount"] - charge["amount_captured"]
    charge.update(amount_refunded=rest, refunded=rest == charge["amount"])
    books.keep(charge)
    books.keep(new_refund(books, charge, rest) | {"reason": reason})
