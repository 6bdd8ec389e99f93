"""Starts a card payment for an order: intent, call, outcome.

What we are about to do is committed first; Stripe is called with no transaction open; what came of
it is committed last. A crash anywhere in between is taken up by the same request sent again, or by
us, with the same idempotency key, so that Stripe makes one intent only.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import StrongroomError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.intake.payable_order import lock_payable_order
from payments.intake.start_payment import (
    AtProvider,
    Attempt,
    begin_payment,
    note_not_started,
    note_started,
    read_attempt,
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

    def prepare(session: Session) -> Attempt | Answered[CreatedIntent]:
        payment_id = new_id("pay", now=now)
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint({"order_id": order_id, "capture": capture}),
            resource_id=payment_id,
            now=now,
        )
        if claim.replayed_id is not None:
            row = session.get_one(Payment, claim.replayed_id)
            return Answered(_created(row, cipher=cipher), replayed=True)
        order = lock_payable_order(session, caller=caller, order_id=order_id)
        return resume_payment(session, claim, operation=CALL, now=now) or begin_payment(
            session,
            claim,
            order,
            payment_id=payment_id,
            capture=capture,
            operation=CALL,
            request={"capture": capture},
            now=now,
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
    attempt = in_transaction(engine, lambda session: read_attempt(session, call_id))
    _call_stripe(engine, attempt, now=now, cipher=cipher, stripe=stripe)


def _call_stripe(
    engine: Engine,
    attempt: Attempt,
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
    session: Session, attempt: Attempt, intent: Intent, *, now: dt.datetime, cipher: FieldCipher
) -> Answered[CreatedIntent]:
    secret = cipher.encrypt(intent.client_secret, **_secret_field(attempt.payment.id))
    at_provider = AtProvider(provider_ref=intent.provider_ref, client_secret_encrypted=secret)
    row = note_started(session, attempt, at_provider, now=now)
    return Answered(_created(row, cipher=cipher), replayed=False)


def _created(row: Payment | Row[Any], *, cipher: FieldCipher) -> CreatedIntent:
    secret = cipher.decrypt_optional(row.client_secret_encrypted, **_secret_field(row.id))
    return CreatedIntent(view_payment(row), secret or "")


def _secret_field(payment_id: str) -> dict[str, str]:
    return {"table": "payments", "column": "client_secret_encrypted", "row_id": payment_id}
