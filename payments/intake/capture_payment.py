"""Takes what is reserved on a card, in part or whole."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import ConflictError, InvalidRequestError
from payments.idempotency import Answered
from payments.intake.act_on_payment import Asked, act_on_payment
from payments.intake.begun_calls import Begun
from payments.intake.look_up import look_up_intent, require_ref
from payments.intake.outcome_of_call import CAPTURE
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView
from payments.orders.tables import Order
from payments.providers.facts import Fact
from payments.providers.stripe import intents
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.intent_facts import facts_of_intent


def capture_payment(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    payment_id: str,
    amount: int | None,
    now: dt.datetime,
    stripe: StripeClient,
) -> Answered[PaymentView]:
    """Take `amount` minor units (None: all) of what is reserved, once; the rest is given back.

    Raises:
        InvalidRequestError: the amount is zero.
        ConflictError: nothing is reserved (`payment_not_capturable`), or less than the amount
            (`amount_too_large`).
        and what `act_on_payment` raises.
    """
    if amount is not None and amount < 1:
        fault = {"amount": ["Capture at least 1; cancel the payment to take nothing."]}
        raise InvalidRequestError("The amount is not valid.", errors=fault)
    asked = Asked(
        caller=caller,
        reference=reference,
        payment_id=payment_id,
        operation=CAPTURE,
        request={"amount": None if amount is None else str(amount)},
        refusal_code="payment_not_capturable",
    )

    def check(_session: Session, row: Payment, _order: Order) -> None:
        is_reserved = row.status == Status.PROCESSING and row.authorized_at is not None
        if row.capture != "manual" or not is_reserved:
            raise ConflictError(
                "Nothing is reserved for this payment that could be captured.",
                code="payment_not_capturable",
            )
        if amount is not None and amount > row.amount:
            fault = {"amount": [f"At most {row.amount} is reserved."]}
            raise ConflictError(
                "The amount is more than is reserved.", code="amount_too_large", errors=fault
            )

    def call(begun: Begun) -> Sequence[Fact]:
        wanted = begun.request["amount"]
        intent = intents.capture(
            stripe,
            provider_ref=require_ref(begun),
            amount=None if wanted is None else int(wanted),
            idempotency_key=begun.idempotency_key,
        )
        return facts_of_intent(intent.shown, seen_at=now)

    return act_on_payment(
        engine,
        asked,
        check=check,
        call=call,
        look=lambda begun: look_up_intent(stripe, begun, operation=CAPTURE, now=now),
        now=now,
    )
