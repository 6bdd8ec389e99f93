"""Has a provider make a refund that was written down, and records what came of it."""

import datetime as dt
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import StrongroomError
from payments.lifecycle.givebacks import book_givebacks
from payments.lifecycle.locked_payments import lock_payment
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Payment, Refund
from payments.lifecycle.view import RefundView, view_refund
from payments.lifecycle.write_changes import write_changes
from payments.providers.connect import Providers
from payments.providers.facts import RefundReported
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import RefundReason, RefundRequest
from payments.refunds.refund_port import refund_port

OPERATION = "refund"
CAUSE = "api:refund"

_REFERENCE_LENGTH = 18


@dataclass(frozen=True)
class Begun:
    """A refund as committed before the call: enough to make it, now or after a crash."""

    provider: str
    request: RefundRequest
    call_id: str

    @property
    def refund_id(self) -> str:
        """Our id of it."""
        return self.request.refund_id


def make_refund(
    engine: Engine, begun: Begun, *, now: dt.datetime, providers: Providers
) -> RefundView:
    """Have the provider make a refund that was written down, and record what came of it.

    Raises:
        ConflictError, InvalidRequestError: the provider refused; nothing went back.
        UnavailableError: it gave no clear answer.
    """
    try:
        made = refund_port(providers, begun.provider).create_refund(begun.request)
    except OutcomeUnknownError as error:
        detail = error.detail
        in_transaction(
            engine,
            lambda session: open_calls.leave_unknown(session, begun.call_id, error=detail, now=now),
        )
        raise
    except StrongroomError as error:
        note_refused(engine, begun, error=error, now=now)
        raise
    reach("refund.called")
    view = in_transaction(engine, lambda session: note_made(session, begun, made, now=now))
    reach("refund.recorded")
    return view


def begun_of(payment: Payment, refund: Refund, call: ProviderCall) -> Begun:
    """Return what it takes to make a refund that was written down."""
    request = request_of(payment, refund, idempotency_key=call.idempotency_key)
    return Begun(payment.provider, request, call.id)


def request_of(payment: Payment, refund: Refund, *, idempotency_key: str) -> RefundRequest:
    """Return a refund as its provider is asked for it, or about it.

    Who gets it finds the reference they paid with.
    """
    return RefundRequest(
        refund_id=refund.id,
        payment_id=payment.id,
        provider_ref=payment.provider_ref or "",
        amount=refund.amount,
        currency=refund.currency,
        reason=cast("RefundReason | None", refund.reason),
        reference=payment.bank_reference or refund.id[-_REFERENCE_LENGTH:],
        idempotency_key=idempotency_key,
    )


def note_made(
    session: Session, begun: Begun, made: RefundReported, *, now: dt.datetime
) -> RefundView:
    """Record a refund as its provider shows it, and close its call."""
    record_seen(session, [made], cause=CAUSE, now=now)
    open_calls.close(session, begun.call_id, state="done", now=now)
    return view_of(session, begun.refund_id)


def note_refused(engine: Engine, begun: Begun, *, error: StrongroomError, now: dt.datetime) -> None:
    """Let a refund fail that was not made: its money is held, or waits in suspense, again."""

    def note(session: Session) -> None:
        payment = lock_payment(session, begun.request.payment_id)
        refund = next(row for row in payment.refunds if row.id == begun.refund_id)
        closed = open_calls.close(
            session, begun.call_id, state="refused", error=error.detail, now=now
        )
        if not closed or refund.status != "pending":
            return  # another run learned otherwise
        refund.status, refund.failure_code = "failed", error.code
        refund.poll_at, refund.updated_at = None, now
        book_givebacks(session, payment, occurred_at=now, now=now)
        if payment.is_changed:
            write_changes(session, [payment], now=now)

    in_transaction(engine, note)


def view_of(session: Session, refund_id: str) -> RefundView:
    """Return a refund as callers are shown it."""
    refund = session.get_one(Refund, refund_id, populate_existing=True)
    payment = session.get_one(Payment, refund.payment_id)
    return view_refund(refund, order_id=payment.order_id)
