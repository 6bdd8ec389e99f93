"""Confirming a PaymentIntent: the card is charged, or its bank is asked first."""

from typing import Any

from sandbox.stripe import three_d_secure
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.charging import charge_card, start_delayed
from sandbox.stripe.forms import Parameters
from sandbox.stripe.payment_intents import retrieve, unexpected_state
from sandbox.stripe.payment_methods import card_of, from_card_fields, from_token
from sandbox.stripe.refusals import Answer, Refusal, Resource
from sandbox.stripe.three_d_secure import WayBack

PARAMETERS = ("payment_method", "payment_method_data", "return_url", "use_stripe_sdk")
# From requires_action too: the payer closed the bank's page and tries the same or another card.
_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def confirm(attempt: Attempt, intent_id: str, parameters: Parameters) -> Answer:
    """Try to pay with a card: 200 with the intent, or 402 with the decline."""
    intent = retrieve(attempt.transaction, intent_id)
    if intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(intent, "confirm")
    way_back = WayBack(
        return_url=parameters.text("return_url"),
        uses_stripe_js=bool(parameters.flag("use_stripe_sdk")),
    )
    payment_method = _payment_method(attempt, intent, parameters)
    parameters.refuse_rest()
    if not way_back.uses_stripe_js and way_back.return_url is None:
        _refuse_without_return_url(intent)
    card = card_of(payment_method)
    if card.asks_bank:
        return three_d_secure.ask_bank(attempt, intent, payment_method, way_back)
    if card.delayed:
        return start_delayed(attempt, intent, payment_method)
    return charge_card(attempt, intent, payment_method)


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
            extra={"payment_intent": attempt.shown(intent)},
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
