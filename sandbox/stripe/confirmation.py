"""Confirming a PaymentIntent: the attempt to charge the card, and what follows from its answer."""

from dataclasses import dataclass
from typing import Any

from sandbox.stripe import charges, events
from sandbox.stripe.account import Account
from sandbox.stripe.cards import Decline
from sandbox.stripe.events import Request
from sandbox.stripe.forms import Parameters
from sandbox.stripe.payment_intents import public_view, retrieve, unexpected_state
from sandbox.stripe.payment_methods import decline_of, from_card_fields, from_token
from sandbox.stripe.refusals import Answer, Refusal, Resource, doc_url
from sandbox.stripe.store import Transaction

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation")


@dataclass(frozen=True)
class Attempt:
    """Everything one confirmation needs; `from_browser` is a call with the publishable key."""

    transaction: Transaction
    account: Account
    request: Request
    from_browser: bool

    def tell(self, kind: str, resource: Resource) -> None:
        """Record an event that goes back to this request."""
        events.record(self.transaction, self.account, kind, resource, self.request)


def confirm(attempt: Attempt, intent_id: str, parameters: Parameters) -> Answer:
    """Charge the card: 200 with the intent, or 402 with the decline, which is recorded too."""
    intent = retrieve(attempt.transaction, intent_id)
    if intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(intent, "confirm")
    return_url = parameters.text("return_url")
    uses_stripe_js = parameters.flag("use_stripe_sdk")
    payment_method = _payment_method(attempt, intent, parameters)
    parameters.refuse_rest()
    if not uses_stripe_js and return_url is None:
        _refuse_without_return_url(intent)
    decline = decline_of(payment_method)
    charge = charges.new_charge(
        attempt.account,
        intent,
        payment_method,
        decline=decline,
        capture=intent["capture_method"] != "manual",
    )
    attempt.transaction.put(charge)
    intent["latest_charge"] = charge["id"]
    if decline is not None:
        return _declined(attempt, intent, charge, payment_method, decline)
    _succeed(attempt, intent, charge, payment_method)
    return Answer(200, public_view(intent) if attempt.from_browser else intent)


def _payment_method(attempt: Attempt, intent: Resource, parameters: Parameters) -> Resource:
    token = parameters.text("payment_method")
    typed = parameters.group("payment_method_data")
    if typed is not None:
        if not attempt.from_browser:
            raise Refusal(
                402,
                "Card numbers are taken from the browser only: confirm with the publishable key,"
                " or use a test token such as pm_card_visa.",
                kind="card_error",
            )
        return from_card_fields(attempt.transaction, attempt.account, typed)
    token = token or intent["payment_method"]
    if token is None:
        raise Refusal(
            400,
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": intent},
        )
    return from_token(attempt.transaction, attempt.account, token)


def _refuse_without_return_url(intent: Resource) -> None:
    automatic: dict[str, Any] = intent["automatic_payment_methods"] or {}
    if automatic.get("allow_redirects") == "always":
        raise Refusal(
            400,
            "This PaymentIntent may redirect the payer to another page, so confirming it needs a"
            " `return_url`; create it with `automatic_payment_methods[allow_redirects]=never`"
            " if no payment method that redirects is wanted.",
        )


def _succeed(
    attempt: Attempt, intent: Resource, charge: Resource, payment_method: Resource
) -> None:
    intent.update(payment_method=payment_method["id"], last_payment_error=None)
    if not charge["captured"]:
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        attempt.transaction.put(intent)
        attempt.tell("charge.succeeded", charge)
        attempt.tell("payment_intent.amount_capturable_updated", intent)
        return
    intent.update(status="succeeded", amount_received=intent["amount"])
    attempt.transaction.put(intent)
    if intent["capture_method"] == "automatic_async":
        # Stripe books the fee a moment later: the first events carry no balance transaction.
        attempt.tell("charge.succeeded", charge)
        attempt.tell("payment_intent.succeeded", intent)
        charges.settle(attempt.transaction, attempt.account, charge)
        attempt.tell("charge.updated", charge)
        return
    charges.settle(attempt.transaction, attempt.account, charge)
    attempt.tell("charge.succeeded", charge)
    attempt.tell("payment_intent.succeeded", intent)


def _declined(
    attempt: Attempt,
    intent: Resource,
    charge: Resource,
    payment_method: Resource,
    decline: Decline,
) -> Answer:
    error: Resource = {
        "charge": charge["id"],
        "code": decline.code,
        "doc_url": doc_url(decline.code),
        "message": decline.message,
        "payment_method": payment_method,
        "type": "card_error",
    }
    if decline.code == "card_declined":
        error["decline_code"] = decline.decline_code
    intent.update(
        status="requires_payment_method", payment_method=None, last_payment_error=dict(error)
    )
    attempt.transaction.put(intent)
    attempt.tell("charge.failed", charge)
    attempt.tell("payment_intent.payment_failed", intent)
    shown = public_view(intent) if attempt.from_browser else intent
    return Answer(402, {"error": {**error, "payment_intent": shown}})
