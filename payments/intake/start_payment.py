"""What starting a payment means, wherever the payer pays: in our page, on Stripe's, at a bank."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine, Row, text
from sqlalchemy.orm import Session

from payments.audit.deed import note_subjects
from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.database import MinorUnits, in_transaction
from payments.delivery.live_events import announce
from payments.errors import StrongroomError, UnavailableError
from payments.idempotency import Claim
from payments.intake.payable_order import PayableOrder, supersede_others
from payments.intake.poll_schedule import first_poll_at
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView, view_payment
from payments.providers.facts import Failure, PaymentFailed
from payments.providers.stripe.intent_facts import PROVIDER
from payments.providers.stripe.intents import Capture

CAUSE = "api:create"


_INSERT = text("""
    WITH payment AS (
      INSERT INTO strongroom.payments
             (id, order_id, rail, provider, capture, status, amount, currency, bank_reference,
              expires_at, poll_at, created_at, updated_at)
      VALUES (:id, :order_id, :rail, :provider, :capture, :status, :amount, :currency,
              :bank_reference, :expires_at, :poll_at, :now, :now)
   RETURNING id, status, created_at
    )
    INSERT INTO strongroom.payment_events
           (payment_id, seq, to_status, cause, occurred_at, recorded_at)
    SELECT id, 1, status, :cause, created_at, created_at FROM payment
""")

# A run that was thought dead may have been first: what it stored is what was handed out.
_NOTE_STARTED = text("""
    UPDATE strongroom.payments p
       SET provider_ref = COALESCE(:provider_ref, p.provider_ref),
           client_secret_encrypted = :client_secret_encrypted,
           checkout_session_ref = :checkout_session_ref,
           checkout_url_encrypted = :checkout_url_encrypted,
           link_url_encrypted = :link_url_encrypted,
           updated_at = :now
      FROM strongroom.orders o
     WHERE p.id = :payment_id AND o.id = p.order_id
       AND p.client_secret_encrypted IS NULL AND p.checkout_session_ref IS NULL
       AND p.link_url_encrypted IS NULL
 RETURNING p.*, o.buyer_id, o.seller_id
""").columns(
    amount=MinorUnits,
    amount_captured=MinorUnits,
    amount_refunded=MinorUnits,
    amount_received=MinorUnits,
)


@dataclass(frozen=True)
class Attempt:
    """What was committed before the call: enough to make it, now or after a crash."""

    payment: PaymentView
    provider: str
    capture: Capture
    call_id: str
    idempotency_key: str
    request: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AtProvider:
    """Where the payer pays, as the columns of a payment."""

    provider_ref: str | None = None
    client_secret_encrypted: bytes | None = None
    checkout_session_ref: str | None = None
    checkout_url_encrypted: bytes | None = None
    link_url_encrypted: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class ByBank:
    """What a bank payment has beside others: at whom, what its transfer quotes, until when."""

    provider: str
    bank_reference: str
    expires_at: dt.datetime


def begin_payment(
    session: Session,
    claim: Claim,
    order: PayableOrder,
    *,
    payment_id: str,
    capture: Capture = "automatic",
    by_bank: ByBank | None = None,
    operation: str,
    request: Mapping[str, Any],
    now: dt.datetime,
) -> Attempt:
    """Write the payment of the order's whole amount, and the intent to call its provider for it.

    It is paid by card at Stripe, or `by_bank`.
    """
    payment = PaymentView(
        id=payment_id,
        order_id=order.id,
        rail="card" if by_bank is None else "bank",
        status=Status.CREATED,
        amount=order.amount,
        currency=order.currency,
        amount_captured=0,
        amount_refunded=0,
        failure=None,
        created_at=now,
        updated_at=now,
    )
    row = {
        "id": payment.id,
        "order_id": payment.order_id,
        "rail": payment.rail,
        "provider": PROVIDER if by_bank is None else by_bank.provider,
        "bank_reference": by_bank and by_bank.bank_reference,
        "expires_at": by_bank and by_bank.expires_at,
        "capture": capture,
        "status": payment.status.value,
        "amount": payment.amount,
        "currency": payment.currency,
        "poll_at": first_poll_at(now),
        "cause": CAUSE,
        "now": now,
    }
    session.execute(_INSERT, row)
    note_subjects([payment.id, payment.order_id])
    call = open_calls.begin(
        session,
        payment_id=payment.id,
        operation=operation,
        subject_id=payment.id,
        request=request,
        claim=claim,
        now=now,
    )
    return Attempt(
        payment=payment,
        provider=str(row["provider"]),
        capture=capture,
        call_id=call.id,
        idempotency_key=call.idempotency_key,
        request=call.request,
    )


def resume_payment(
    session: Session, claim: Claim, *, operation: str, now: dt.datetime
) -> Attempt | None:
    """Return the payment of an earlier run that did not learn its outcome, if there was one."""
    if claim.resource_id is None:
        return None
    call = open_calls.find_of_subject(session, subject_id=claim.resource_id, operation=operation)
    open_calls.resume(call, now=now)
    return _attempt_of(session, call)


def read_attempt(session: Session, call_id: str) -> Attempt:
    """Return the payment of a call that nobody heard back from."""
    return _attempt_of(session, open_calls.find(session, call_id))


def note_started(
    session: Session, attempt: Attempt, at_provider: AtProvider, *, now: dt.datetime
) -> Payment | Row[Any]:
    """Close the call and return the payment, which can be paid now.

    The frontend is told, and older payments of the order give way to it.
    """
    stored = {**asdict(at_provider), "payment_id": attempt.payment.id, "now": now}
    row = session.execute(_NOTE_STARTED, stored).first()
    if row is not None:
        supersede_others(session, order_id=row.order_id, payment_id=row.id, now=now)
        announce(
            session,
            topic="payment.updated",
            subject_id=row.id,
            audience=(row.buyer_id, row.seller_id),
            data=view_payment(row).as_event(),
            now=now,
        )
    open_calls.close(session, attempt.call_id, state="done", now=now)
    return row or session.get_one(Payment, attempt.payment.id)


def _attempt_of(session: Session, call: ProviderCall) -> Attempt:
    row = session.get_one(Payment, call.payment_id)
    capture: Capture = "manual" if row.capture == "manual" else "automatic"
    return Attempt(
        payment=view_payment(row),
        provider=row.provider,
        capture=capture,
        call_id=call.id,
        idempotency_key=call.idempotency_key,
        request=call.request,
    )


def note_not_started(
    engine: Engine, error: StrongroomError, *, payment_id: str, call_id: str, now: dt.datetime
) -> None:
    """Write that the provider refused, or that we do not know what it did."""

    def note(session: Session) -> None:
        if isinstance(error, UnavailableError):
            open_calls.leave_unknown(session, call_id, error=error.detail, now=now)
        elif open_calls.close(session, call_id, state="refused", error=error.detail, now=now):
            _let_it_fail(session, payment_id, error, now=now)

    in_transaction(engine, note)


def _let_it_fail(
    session: Session, payment_id: str, error: StrongroomError, *, now: dt.datetime
) -> None:
    """Let the payment fail, since nothing was made at its provider."""
    fact = PaymentFailed(
        provider=session.get_one(Payment, payment_id).provider,
        provider_ref=None,
        payment_id=payment_id,
        occurred_at=now,
        failure=Failure(code=error.code, message=error.detail, next_step="contact_support"),
    )
    record_facts(session, [SourcedFact(fact, CAUSE)], now=now)
    session.get_one(Payment, payment_id, populate_existing=True).poll_at = None
