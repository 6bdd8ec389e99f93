"""Gives a payment up at its provider, before its money was taken."""

import datetime as dt

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import ConflictError
from payments.idempotency import Answered
from payments.intake.act_on_payment import Asked, act_on_payment
from payments.intake.at_provider import give_up, look_up_cancel
from payments.intake.outcome_of_call import CANCEL
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView
from payments.orders.tables import Order
from payments.providers.connect import Providers
from payments.providers.stripe.intents import CancelReason

_CANCELABLE = (Status.CREATED, Status.REQUIRES_ACTION, Status.FAILED)


def cancel_payment(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    payment_id: str,
    reason: CancelReason = "requested_by_customer",
    now: dt.datetime,
    providers: Providers,
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
    return act_on_payment(
        engine,
        asked,
        check=_check,
        call=lambda begun: give_up(providers, begun, reason=begun.request["reason"], now=now),
        look=lambda begun: look_up_cancel(providers, begun, now=now),
        now=now,
    )


def _check(_session: Session, row: Payment, _order: Order) -> None:
    if row.rail == "crypto":
        raise ConflictError(
            "Nobody can take an escrow back: unfunded it expires, and what it holds is refunded.",
            code="payment_not_cancelable",
        )
    is_at_provider = row.provider_ref is not None or row.checkout_session_ref is not None
    is_reserved = row.rail == "card" and row.status == Status.PROCESSING
    if not is_at_provider or not (row.status in _CANCELABLE or is_reserved):
        raise ConflictError(f"The payment is {row.status}.", code="payment_not_cancelable")
