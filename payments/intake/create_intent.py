"""Starts a card payment for an order: intent, call, outcome.

What we are about to do is committed first; Stripe is called with no transaction open; what came of
it is committed last. A crash anywhere in between is taken up by the same request sent again, or by
us, with the same idempotency key, so that Stripe makes one intent only.
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
from payments.errors import StrongroomError
from payments.idempotency import Answered
from payments.intake.payable_order import lock_payable_order
from payments.intake.start_payment import (
    begin_payment,
    note_not_started,
    note_started,
    resume_payment,
)
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView, view_payment
from payments.privacy.encryption import FieldCipher
from payments.providers.stripe import intents
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.intents import Capture, Intent

OPERATION = "payments.intents.create"
CALL = "create_intent"


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
            row = session.get_one(Payment, claim.replayed_id)
            return Answered(_created(row, cipher=cipher), replayed=True)
        order = lock_payable_order(session, caller=caller, order_id=order_id)
        resumed = resume_payment(session, claim, operation=CALL, now=now)
        if resumed is not None:
            return _attempt(*resumed)
        request = {"capture": capture}
        return _attempt(
            *begin_payment(
                session, claim, order, capture=capture, operation=CALL, request=request, now=now
            )
        )

    attempt = in_transaction(engine, prepare)
    if isinstance(attempt, Answered):
        return attempt
    reach("create_intent.intent_committed")
    return _call_stripe(engine, attempt, now=now, cipher=cipher, stripe=stripe)


def repeat_create_intent(
    engine: Engine, call_id: str, *, now: dt.datetime, cipher: FieldCipher, stripe: StripeClient
) -> None:
    """Make a call again that nobody heard back from: with its key, Stripe makes one intent only.

    Raises:
        StrongroomError: as `create_intent`; what came of it is written.
    """

    def read(session: Session) -> _Attempt:
        call = open_calls.find(session, call_id)
        return _attempt(session.get_one(Payment, call.payment_id), call)

    attempt = in_transaction(engine, read)
    _call_stripe(engine, attempt, now=now, cipher=cipher, stripe=stripe)


def _attempt(row: Payment, call: ProviderCall) -> _Attempt:
    capture: Capture = "manual" if row.capture == "manual" else "automatic"
    return _Attempt(view_payment(row), call.id, call.idempotency_key, capture)


def _call_stripe(
    engine: Engine,
    attempt: _Attempt,
    *,
    now: dt.datetime,
    cipher: FieldCipher,
    stripe: StripeClient,
) -> Answered[CreatedIntent]:
    payment = attempt.payment
    try:
        intent = intents.create(
            stripe,
            amount=payment.amount,
            currency=payment.currency,
            capture=attempt.capture,
            metadata={"payment_id": payment.id, "order_id": payment.order_id},
            idempotency_key=attempt.idempotency_key,
        )
    except StrongroomError as error:
        note_not_started(engine, error, payment_id=payment.id, call_id=attempt.call_id, now=now)
        raise
    reach("create_intent.called")
    created = in_transaction(
        engine, lambda session: _note_created(session, attempt, intent, now=now, cipher=cipher)
    )
    reach("create_intent.recorded")
    return created


def _note_created(
    session: Session, attempt: _Attempt, intent: Intent, *, now: dt.datetime, cipher: FieldCipher
) -> Answered[CreatedIntent]:
    row = session.get_one(Payment, attempt.payment.id, with_for_update={"key_share": True})
    # A run that was thought dead may have been first; what it stored is what was handed out.
    if row.client_secret_encrypted is None:
        row.provider_ref = intent.provider_ref
        row.client_secret_encrypted = cipher.encrypt(intent.client_secret, **_secret_field(row.id))
        note_started(session, row, now=now)
    open_calls.close(session, attempt.call_id, state="done", now=now)
    return Answered(_created(row, cipher=cipher), replayed=False)


def _created(row: Payment, *, cipher: FieldCipher) -> CreatedIntent:
    secret = cipher.decrypt_optional(row.client_secret_encrypted, **_secret_field(row.id))
    return CreatedIntent(view_payment(row), secret or "")


def _secret_field(payment_id: str) -> dict[str, str]:
    return {"table": "payments", "column": "client_secret_encrypted", "row_id": payment_id}
