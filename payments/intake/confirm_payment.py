"""Confirms a payment with a card from our side; the answer may be that the payer must act first."""

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import ConflictError
from payments.idempotency import Answered
from payments.intake.act_on_payment import Asked, act_on_payment
from payments.intake.begun_calls import Begun
from payments.intake.look_up import look_up_intent, require_ref
from payments.intake.outcome_of_call import CONFIRM
from payments.intake.payable_order import refuse_if_overtaken
from payments.intake.return_urls import check_return_urls
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView
from payments.orders.tables import Order
from payments.providers.facts import Fact
from payments.providers.stripe import intents
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.intent_facts import facts_of_intent

_CONFIRMABLE = (Status.CREATED, Status.REQUIRES_ACTION, Status.FAILED)


def confirm_payment(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    payment_id: str,
    payment_method: str,
    return_url: str | None,
    trusted_origins: Collection[str],
    now: dt.datetime,
    stripe: StripeClient,
) -> Answered[PaymentView]:
    """Charge (or reserve) the payment's amount on a card, once per reference.

    The payment comes back succeeded, or authorized for manual capture, or with the `next_action`
    that the payer's bank asks for.

    Raises:
        InvalidRequestError: the return address is not trusted.
        ConflictError: the payment cannot be confirmed any more, or another one pays the order.
        DeclinedError: the payer's bank said no.
        and what `act_on_payment` raises.
    """
    if return_url is not None:
        check_return_urls({"return_url": return_url}, trusted_origins=trusted_origins)
    asked = Asked(
        caller=caller,
        reference=reference,
        payment_id=payment_id,
        operation=CONFIRM,
        request={"payment_method": payment_method, "return_url": return_url},
        refusal_code="payment_not_confirmable",
    )

    def call(begun: Begun) -> Sequence[Fact]:
        intent = intents.confirm(
            stripe,
            provider_ref=require_ref(begun),
            payment_method=begun.request["payment_method"],
            return_url=begun.request["return_url"],
            idempotency_key=begun.idempotency_key,
        )
        return facts_of_intent(intent.shown, seen_at=_after_earlier_attempts(begun, now=now))

    return act_on_payment(
        engine,
        asked,
        check=_check,
        call=call,
        look=lambda begun: look_up_intent(stripe, begun, operation=CONFIRM, now=now),
        now=now,
    )


def _after_earlier_attempts(begun: Begun, *, now: dt.datetime) -> dt.datetime:
    """Date the attempt after those before it, also in the same second, which Stripe dates by."""
    return now if begun.heard_at is None else max(now, begun.heard_at + dt.timedelta(seconds=1))


def _check(session: Session, row: Payment, order: Order) -> None:
    is_on_a_page = row.rail != "card" or row.checkout_session_ref is not None
    if row.provider_ref is None or is_on_a_page:
        raise ConflictError(
            "This payment is paid on a page of its own.", code="payment_not_confirmable"
        )
    if row.status not in _CONFIRMABLE:
        raise ConflictError(f"The payment is {row.status}.", code="payment_not_confirmable")
    refuse_if_overtaken(session, row, order)
