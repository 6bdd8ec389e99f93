"""Charging a card for a PaymentIntent, and every event that follows from the answer."""

from sandbox.stripe import charges
from sandbox.stripe.account import new_id
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.cards import Decline
from sandbox.stripe.checkout_sessions import note_payment
from sandbox.stripe.payment_methods import card_of
from sandbox.stripe.refusals import Answer, Resource, doc_url

DELAY_S = 2.0
AUTHORIZATION_LASTS_S = 7 * 24 * 3600


def charge_card(
    attempt: Attempt, intent: Resource, payment_method: Resource, *, authenticated: bool = False
) -> Answer:
    """Take the amount: 200 with the intent, or 402 with the decline, which is recorded too."""
    intent.update(next_action=None, processing=None)
    decline = card_of(payment_method).decline
    charge = charges.new_charge(
        attempt.account,
        intent,
        payment_method,
        decline=decline,
        capture=intent["capture_method"] != "manual",
    )
    if authenticated:
        charge["payment_method_details"]["card"]["three_d_secure"] = _authentication()
    attempt.transaction.put(charge)
    intent["latest_charge"] = charge["id"]
    if decline is not None:
        return _declined(attempt, intent, charge, payment_method, decline)
    _succeed(attempt, intent, charge, payment_method)
    note_payment(attempt, intent)
    return Answer(200, attempt.shown(intent))


def start_delayed(attempt: Attempt, intent: Resource, payment_method: Resource) -> Answer:
    """Say that the payment is processing; `finish_delayed` charges the card when it is due."""
    intent.update(
        status="processing",
        payment_method=payment_method["id"],
        last_payment_error=None,
        next_action=None,
        processing={"card": {}, "type": "card"},
    )
    attempt.transaction.put(intent)
    attempt.transaction.put_off(intent["id"], due_at=attempt.account.now() + DELAY_S)
    attempt.tell("payment_intent.processing", intent)
    note_payment(attempt, intent)
    return Answer(200, attempt.shown(intent))


def finish_delayed(attempt: Attempt, intent_id: str) -> None:
    """Charge the card of an intent that is still processing."""
    intent = attempt.transaction.get(intent_id, kind="payment_intent")
    if intent is None or intent["status"] != "processing":
        return
    payment_method = attempt.transaction.get(intent["payment_method"], kind="payment_method")
    if payment_method is not None:
        charge_card(attempt, intent, payment_method)


def _authentication() -> Resource:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "exemption_indicator_applied": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": new_id("3ds"),
        "version": "2.2.0",
    }


def _succeed(
    attempt: Attempt, intent: Resource, charge: Resource, payment_method: Resource
) -> None:
    intent.update(payment_method=payment_method["id"], last_payment_error=None)
    if not charge["captured"]:
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        attempt.transaction.put(intent)
        attempt.transaction.put_off(
            intent["id"], due_at=attempt.account.now() + AUTHORIZATION_LASTS_S
        )
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
    return Answer(402, {"error": {**error, "payment_intent": attempt.shown(intent)}})
