"""What starting a payment means, whether the payer pays in our page or on Stripe's."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments import idempotency
from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.database import in_transaction
from payments.delivery.live_events import announce
from payments.errors import StrongroomError, UnavailableError
from payments.idempotency import Claim
from payments.identifiers import new_id
from payments.intake.payable_order import supersede_others
from payments.intake.poll_schedule import first_poll_at
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.lifecycle.view import view_payment
from payments.orders.tables import Order
from payments.providers.facts import Failure, PaymentFailed
from payments.providers.stripe.intent_facts import PROVIDER
from payments.providers.stripe.intents import Capture

CAUSE = "api:create"


def begin_payment(
    session: Session,
    claim: Claim,
    order: Order,
    *,
    capture: Capture,
    operation: str,
    request: Mapping[str, Any],
    now: dt.datetime,
) -> tuple[Payment, ProviderCall]:
    """Write the payment of the order's whole amount, and the intent to call Stripe for it."""
    row = Payment(
        id=new_id("pay", now=now),
        order_id=order.id,
        rail="card",
        provider=PROVIDER,
        capture=capture,
        status=Status.CREATED.value,
        amount=order.amount,
        currency=order.currency,
        poll_at=first_poll_at(now),
        created_at=now,
        updated_at=now,
    )
    first_step = PaymentEvent(
        payment_id=row.id,
        seq=1,
        to_status=row.status,
        cause=CAUSE,
        occurred_at=now,
        recorded_at=now,
    )
    session.add(row)
    session.flush()  # the table classes do not say that the others refer to it
    session.add(first_step)
    call = open_calls.begin(
        session,
        payment_id=row.id,
        operation=operation,
        subject_id=row.id,
        request=request,
        claim=claim,
        now=now,
    )
    idempotency.set_resource(session, claim, resource_id=row.id)
    return row, call


def resume_payment(
    session: Session, claim: Claim, *, operation: str, now: dt.datetime
) -> tuple[Payment, ProviderCall] | None:
    """Return the payment of an earlier run that did not learn its outcome, if there was one."""
    if claim.resource_id is None:
        return None
    row = session.get_one(Payment, claim.resource_id)
    call = open_calls.find_of_subject(session, subject_id=row.id, operation=operation)
    open_calls.resume(call, now=now)
    return row, call


def note_started(session: Session, row: Payment, *, now: dt.datetime) -> None:
    """Tell the frontend of a payment that can be paid now, and have older ones give way to it."""
    row.updated_at = now
    supersede_others(session, row, now=now)
    order = session.get_one(Order, row.order_id)
    announce(
        session,
        topic="payment.updated",
        subject_id=row.id,
        audience=(order.buyer_id, order.seller_id),
        data=view_payment(row).as_event(),
        now=now,
    )


def note_not_started(
    engine: Engine, error: StrongroomError, *, payment_id: str, call_id: str, now: dt.datetime
) -> None:
    """Write that Stripe refused, or that we do not know what it did."""

    def note(session: Session) -> None:
        if isinstance(error, UnavailableError):
            open_calls.leave_unknown(session, call_id, error=error.detail, now=now)
        elif open_calls.close(session, call_id, state="refused", error=error.detail, now=now):
            _let_it_fail(session, payment_id, error, now=now)

    in_transaction(engine, note)


def _let_it_fail(
    session: Session, payment_id: str, error: StrongroomError, *, now: dt.datetime
) -> None:
    """Let the payment fail, since nothing was made at Stripe."""
    fact = PaymentFailed(
        provider=PROVIDER,
        provider_ref=None,
        payment_id=payment_id,
        occurred_at=now,
        failure=Failure(code=error.code, message=error.detail, next_step="contact_support"),
    )
    record_facts(session, [SourcedFact(fact, CAUSE)], now=now)
    session.get_one(Payment, payment_id, populate_existing=True).poll_at = None
