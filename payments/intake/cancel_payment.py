"""Gives a payment up at Stripe, before its money was taken."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import ConflictError
from payments.idempotency import Answered
from payments.intake.act_on_payment import Asked, act_on_payment
from payments.intake.begun_calls import Begun, Seen
from payments.intake.look_up import look_up_intent, look_up_session, require_intent
from payments.intake.outcome_of_call import CANCEL
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView
from payments.orders.tables import Order
from payments.providers.facts import Fact
from payments.providers.stripe import checkout, intents
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.intent_facts import facts_of_intent
from payments.providers.stripe.intents import CancelReason

_CANCELABLE = (Status.CREATED, Status.REQUIRES_ACTION, Status.PROCESSING, Status.FAILED)


def cancel_payment(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    payment_id: str,
    reason: CancelReason = "requested_by_customer",
    now: dt.datetime,
    stripe: StripeClient,
) -> Answered[PaymentView]:
    """Cancel the payment, once per reference; what was reserved on a card is given back.

    Raises:
        ConflictError: its money was taken, or it has ended (`payment_not_cancelable`).
        and what `act_on_payment` raises.
    """
    asked = Asked(
        caller=caller,
        reference=reference,
        payment_id=payment_id,
        operation=CANCEL,
        request={"reason": reason},
        refusal_code="payment_not_cancelable",
    )

    def look(begun: Begun) -> Seen:
        if begun.session_ref is not None:
            return look_up_session(stripe, begun, now=now)
        return look_up_intent(stripe, begun, operation=CANCEL, now=now)

    return act_on_payment(
        engine,
        asked,
        check=_check,
        call=lambda begun: give_up(stripe, begun, reason=begun.request["reason"], now=now),
        look=look,
        now=now,
    )


def give_up(
    stripe: StripeClient, begun: Begun, *, reason: CancelReason, now: dt.datetime
) -> Sequence[Fact]:
    """Cancel the intent, or close the checkout page: Stripe then gives up its intent itself."""
    if begun.session_ref is not None:
        page = checkout.expire(
            stripe, session_ref=begun.session_ref, idempotency_key=begun.idempotency_key
        )
        return checkout.facts_of_session(page.shown, canceled=reason != "abandoned", seen_at=now)
    intent = intents.cancel(
        stripe,
        provider_ref=require_intent(begun),
        reason=reason,
        idempotency_key=begun.idempotency_key,
    )
    return facts_of_intent(intent.shown, seen_at=now)


def _check(_session: Session, row: Payment, _order: Order) -> None:
    is_at_stripe = row.provider_ref is not None or row.checkout_session_ref is not None
    if row.status not in _CANCELABLE or not is_at_stripe:
        raise ConflictError(f"The payment is {row.status}.", code="payment_not_cancelable")
