"""Asks Stripe where a payment stands: its intent, or the checkout page it is paid on."""

import datetime as dt

from payments.errors import ConflictError
from payments.intake.begun_calls import Begun, Seen
from payments.intake.outcome_of_call import Verdict, outcome_of_call
from payments.providers.stripe import checkout, intents
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.intent_facts import facts_of_intent


def require_ref(begun: Begun) -> str:
    """Return the provider's id of the payment.

    Raises:
        ConflictError: the payment has none.
    """
    if begun.provider_ref is None:
        raise ConflictError("The payment is not at its provider.", code="provider_refused")
    return begun.provider_ref


def look_up_intent(stripe: StripeClient, begun: Begun, *, operation: str, now: dt.datetime) -> Seen:
    """Return what Stripe shows of a confirm, capture or cancel.

    Raises:
        OutcomeUnknownError: no answer.
    """
    shown = intents.retrieve(stripe, provider_ref=require_ref(begun)).shown
    verdict = outcome_of_call(operation, shown, called_at=begun.created_at)
    return Seen(facts_of_intent(shown, seen_at=now), verdict)


def look_up_session(stripe: StripeClient, begun: Begun, *, now: dt.datetime) -> Seen:
    """Return what Stripe shows of a checkout page that was to be closed.

    Raises:
        OutcomeUnknownError: no answer.
    """
    page = checkout.retrieve(stripe, session_ref=begun.session_ref or "")
    was_wished = begun.request["reason"] != "abandoned"
    facts = checkout.facts_of_session(page.shown, canceled=was_wished, seen_at=now)
    verdicts = {"expired": Verdict.DONE, "open": Verdict.NOT_YET}
    return Seen(facts, verdicts.get(page.status, Verdict.NEVER))
