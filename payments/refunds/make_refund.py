"""Has Stripe make a refund that was written down, and records what came of it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.accounting.givebacks import Giveback, let_go
from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import StrongroomError
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Payment, Refund
from payments.lifecycle.view import RefundView, view_refund
from payments.orders.tables import Order
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.stripe import refunds
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.giveback_facts import refund_fact
from payments.providers.stripe.refunds import Reason

OPERATION = "refund"
CAUSE = "api:refund"


@dataclass(frozen=True)
class Begun:
    """A refund as committed before the call: enough to make it, now or after a crash."""

    refund_id: str
    payment_id: str
    provider_ref: str
    amount: int
    reason: Reason | None
    call_id: str
    idempotency_key: str


def make_refund(
    engine: Engine, begun: Begun, *, now: dt.datetime, stripe: StripeClient
) -> RefundView:
    """Have Stripe make a refund that was written down, and record what came of it.

    Raises:
        ConflictError, InvalidRequestError: Stripe refused; nothing went back.
        UnavailableError: Stripe gave no clear answer.
    """
    try:
        shown = refunds.create(
            stripe,
            provider_ref=begun.provider_ref,
            amount=begun.amount,
            reason=begun.reason,
            metadata={"refund_id": begun.refund_id, "payment_id": begun.payment_id},
            idempotency_key=begun.idempotency_key,
        )
    except OutcomeUnknownError as error:
        detail = error.detail
        in_transaction(
            engine,
            lambda session: open_calls.leave_unknown(session, begun.call_id, error=detail, now=now),
        )
        raise
    except StrongroomError as error:
        note_refused(engine, begun.refund_id, begun.call_id, error=error, now=now)
        raise
    reach("refund.called")
    view = in_transaction(
        engine, lambda session: note_made(session, begun.refund_id, begun.call_id, shown, now=now)
    )
    reach("refund.recorded")
    return view


def begun_of(payment: Payment, refund: Refund, call: ProviderCall) -> Begun:
    """Return what it takes to make a refund that was written down."""
    return Begun(
        refund_id=refund.id,
        payment_id=payment.id,
        provider_ref=payment.provider_ref or "",
        amount=refund.amount,
        reason=cast("Reason | None", refund.reason),
        call_id=call.id,
        idempotency_key=call.idempotency_key,
    )


def giveback_of(refund: Refund, order: Order) -> Giveback:
    """Return the refund as the books know it."""
    return Giveback(
        id=refund.id,
        payment_id=refund.payment_id,
        order_id=order.id,
        seller_id=order.seller_id,
        provider=refund.provider,
        amount=refund.amount,
        currency=refund.currency,
        hold_id=refund.hold_id,
        owed=refund.owed or 0,
    )


def note_made(
    session: Session, refund_id: str, call_id: str, shown: Mapping[str, Any], *, now: dt.datetime
) -> RefundView:
    """Record a refund as Stripe shows it, and close its call."""
    made_at = dt.datetime.fromtimestamp(shown["created"], tz=dt.UTC)
    fact = refund_fact(shown, occurred_at=made_at)
    record_seen(session, [fact], cause=CAUSE, now=now)
    open_calls.close(session, call_id, state="done", now=now)
    return view_of(session, refund_id)


def note_refused(
    engine: Engine, refund_id: str, call_id: str, *, error: StrongroomError, now: dt.datetime
) -> None:
    """Let a refund fail that Stripe did not make, and its money be held for the order again."""

    def note(session: Session) -> None:
        refund = session.get_one(Refund, refund_id)
        payment = session.get_one(Payment, refund.payment_id, with_for_update={"key_share": True})
        order = session.get_one(Order, payment.order_id, with_for_update={"key_share": True})
        session.refresh(refund)
        closed = open_calls.close(session, call_id, state="refused", error=error.detail, now=now)
        if not closed or refund.booked != "held":
            return  # another run learned otherwise
        let_go(session.connection(), giveback_of(refund, order), now=now)
        refund.status, refund.booked = "failed", "released"
        refund.failure_code = error.code
        refund.updated_at = now

    in_transaction(engine, note)


def view_of(session: Session, refund_id: str) -> RefundView:
    """Return a refund as callers are shown it."""
    refund = session.get_one(Refund, refund_id, populate_existing=True)
    payment = session.get_one(Payment, refund.payment_id)
    return view_refund(refund, order_id=payment.order_id)
