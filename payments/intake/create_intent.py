"""Starts a card payment for an order: intent, call, outcome.

What we are about to do is committed first; Stripe is called with no transaction open; what came of
it is committed last. A crash anywhere in between is taken up by the same request sent again, with
the same idempotency key, so that Stripe makes one intent only.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.crash_points import reach
from payments.database import in_transaction
from payments.delivery.live_events import announce
from payments.errors import StrongroomError, UnavailableError
from payments.idempotency import Answered, Claim
from payments.identifiers import new_id
from payments.intake.payable_order import lock_payable_order, supersede_others
from payments.intake.poll_schedule import first_poll_at
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.lifecycle.view import PaymentView, view_payment
from payments.orders.tables import Order
from payments.privacy.encryption import FieldCipher
from payments.providers.facts import Failure, PaymentFailed
from payments.providers.stripe import intents
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.events import PROVIDER
from payments.providers.stripe.intents import Capture, Intent

OPERATION = "payments.intents.create"
CAUSE = "api:create"
_CALL = "create_intent"


@dataclass(frozen=True)
class CreatedIntent:
    """A payment, and the secret with which the buyer's browser pays it at Stripe."""

    payment: PaymentView
    client_secret: str


@dataclass(frozen=True)
class _Attempt:
    """What was committed before the call: enough to make it, now or after a crash."""

    payment: PaymentView
    call_id: str
    idempotency_key: str
    capture: Capture


def create_intent(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    order_id: str,
    capture: Capture = "automatic",
    now: dt.datetime,
    cipher: FieldCipher,
    stripe: StripeClient,
) -> Answered[CreatedIntent]:
    """Start a payment of the order's whole amount, once per reference.

    Raises:
        NotFoundError, ForbiddenError, ConflictError: the order is not the caller's to pay, or not
            now; see `lock_payable_order`. Also when Stripe refuses (`provider_refused`).
        InvalidRequestError: the reference is malformed, or Stripe does not take the amount.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: Stripe gave no clear answer; the same request again finds out.
    """

    def prepare(session: Session) -> _Attempt | Answered[CreatedIntent]:
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint({"order_id": order_id, "capture": capture}),
            now=now,
        )
        if claim.replayed_id is not None:
            return _replay(session, claim.replayed_id, cipher=cipher)
        order = lock_payable_order(session, caller=caller, order_id=order_id)
        return _resume(session, claim, now=now) or _begin(
            session, claim, order, capture=capture, now=now
        )

    attempt = in_transaction(engine, prepare)
    if isinstance(attempt, Answered):
        return attempt
    reach("create_intent.intent_committed")
    return _call_stripe(engine, attempt, now=now, cipher=cipher, stripe=stripe)


def _call_stripe(
    engine: Engine,
    attempt: _Attempt,
    *,
    now: dt.datetime,
    cipher: FieldCipher,
    stripe: StripeClient,
) -> Answered[CreatedIntent]:
    try:
        intent = intents.create(
            stripe,
            amount=attempt.payment.amount,
            currency=attempt.payment.currency,
            capture=attempt.capture,
            metadata={"payment_id": attempt.payment.id, "order_id": attempt.payment.order_id},
            idempotency_key=attempt.idempotency_key,
        )
    except StrongroomError as error:
        _note_error(engine, attempt, error, now=now)
        raise
    reach("create_intent.called")
    created = in_transaction(
        engine, lambda session: _note_created(session, attempt, intent, now=now, cipher=cipher)
    )
    reach("create_intent.recorded")
    return created


# ---- before the call ---------------------------------------------------------------------------


def _replay(session: Session, payment_id: str, *, cipher: FieldCipher) -> Answered[CreatedIntent]:
    row = session.get_one(Payment, payment_id)
    return Answered(_created(row, cipher=cipher), replayed=True)


def _resume(session: Session, claim: Claim, *, now: dt.datetime) -> _Attempt | None:
    """Return the attempt of an earlier run that did not learn its outcome, if there was one."""
    if claim.resource_id is None:
        return None
    row = session.get_one(Payment, claim.resource_id)
    call = open_calls.find_of_subject(session, subject_id=row.id, operation=_CALL)
    open_calls.resume(call, now=now)
    return _attempt(row, call)


def _begin(
    session: Session, claim: Claim, order: Order, *, capture: Capture, now: dt.datetime
) -> _Attempt:
    """Write the payment and the intent to call Stripe for it."""
    row = Payment(
        id=new_id("pay", now=now),
        order_id=order.id,
        rail="card",
        provider=PROVIDER,
        capture=capture,
        status=Status.CREATED.value,
        amount=order.amount,
        currency=order.currency,
        amount_refunded=0,
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
        operation=_CALL,
        subject_id=row.id,
        request={"capture": capture},
        claim=claim,
        now=now,
    )
    idempotency.set_resource(session, claim, resource_id=row.id)
    return _attempt(row, call)


def _attempt(row: Payment, call: ProviderCall) -> _Attempt:
    capture: Capture = "manual" if row.capture == "manual" else "automatic"
    return _Attempt(view_payment(row), call.id, call.idempotency_key, capture)


# ---- after the call ----------------------------------------------------------------------------


def _note_created(
    session: Session, attempt: _Attempt, intent: Intent, *, now: dt.datetime, cipher: FieldCipher
) -> Answered[CreatedIntent]:
    row = session.get_one(Payment, attempt.payment.id, with_for_update={"key_share": True})
    # A run that was thought dead may have been first; what it stored is what was handed out.
    if row.client_secret_encrypted is None:
        row.provider_ref = intent.provider_ref
        row.client_secret_encrypted = cipher.encrypt(intent.client_secret, **_secret_field(row.id))
        row.updated_at = now
        supersede_others(session, row, now=now)
        _announce(session, row, now=now)
    open_calls.close(session, attempt.call_id, state="done", now=now)
    return Answered(_created(row, cipher=cipher), replayed=False)


def _note_error(
    engine: Engine, attempt: _Attempt, error: StrongroomError, *, now: dt.datetime
) -> None:
    note = _note_unknown if isinstance(error, UnavailableError) else _note_refused
    in_transaction(engine, lambda session: note(session, attempt, error, now=now))


def _note_unknown(
    session: Session, attempt: _Attempt, error: StrongroomError, *, now: dt.datetime
) -> None:
    open_calls.leave_unknown(session, attempt.call_id, error=error.detail, now=now)


def _note_refused(
    session: Session, attempt: _Attempt, error: StrongroomError, *, now: dt.datetime
) -> None:
    """Let the payment fail and give the reference back: nothing was made at Stripe."""
    refused = open_calls.close(
        session, attempt.call_id, state="refused", error=error.detail, now=now
    )
    if not refused:
        return
    failure = Failure(code=error.code, message=error.detail, next_step="contact_support")
    fact = PaymentFailed(
        provider=PROVIDER,
        provider_ref=None,
        payment_id=attempt.payment.id,
        occurred_at=now,
        failure=failure,
    )
    record_facts(session, [SourcedFact(fact, CAUSE)], now=now)


def _created(row: Payment, *, cipher: FieldCipher) -> CreatedIntent:
    secret = cipher.decrypt_optional(row.client_secret_encrypted, **_secret_field(row.id))
    return CreatedIntent(view_payment(row), secret or "")


def _secret_field(payment_id: str) -> dict[str, str]:
    return {"table": "payments", "column": "client_secret_encrypted", "row_id": payment_id}


def _announce(session: Session, row: Payment, *, now: dt.datetime) -> None:
    order = session.get_one(Order, row.order_id)
    announce(
        session,
        topic="payment.updated",
        subject_id=row.id,
        audience=(order.buyer_id, order.seller_id),
        data=view_payment(row).as_event(),
        now=now,
    )
