"""An operator has a provider asked at once: about one payment, or about all that wait there.

What is told goes through the same door as any webhook, so its effects happen once. Calls without
an answer, refunds and payouts under way are asked about along with it, by the jobs that do so
anyway.
"""

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.calls.open_calls import FIRST_LOOK
from payments.calls.tables import ProviderCall
from payments.delivery import outbox
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.lifecycle.stages import FINAL
from payments.lifecycle.tables import Payment, Refund
from payments.payouts import when_to_ask
from payments.payouts.tables import SellerPayout
from payments.pending.tables import ProviderAsk
from payments.refunds.make_refund import OPERATION as REFUND

JOB = "ask_provider"
OPERATION = "pending.ask"
_ALONG_WITH_IT = ("resolve_calls", "resolve_refunds", "pay_sellers")


def is_open_at(provider: str) -> ColumnElement[bool]:
    """Return the condition that a payment waits at a provider that can be asked about it."""
    is_there = Payment.provider_ref.is_not(None) | Payment.checkout_session_ref.is_not(None)
    return (Payment.provider == provider) & Payment.status.not_in(FINAL) & is_there


def ask_about_payment(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    payment_id: str,
    providers: Collection[str],
    now: dt.datetime,
    request_id: str | None,
) -> Answered[ProviderAsk]:
    """Have the provider asked about a payment and all that goes on for it, once per reference.

    Raises:
        NotFoundError: there is no such payment.
        ConflictError: nobody can be asked: it is paid on chain, or its provider is not set up.
        InProgressError, ReferenceReusedError.
    """
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NotFoundError("There is no such payment.")
    if payment.provider not in providers:
        raise ConflictError(
            f"{payment.provider} cannot be asked: chains are read by themselves, and other"
            " providers are not set up here.",
            code="provider_refused",
        )
    is_open = payment.status not in FINAL
    return _ask(
        session,
        caller=caller,
        reference=reference,
        provider=payment.provider,
        payment_id=payment_id,
        accepted=1 if is_open else 0,
        now=now,
        request_id=request_id,
    )


def ask_about_all(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    provider: str,
    providers: Collection[str],
    now: dt.datetime,
    request_id: str | None,
) -> Answered[ProviderAsk]:
    """Have a provider asked about every payment that waits there, once per reference.

    Raises:
        InvalidRequestError: there is no such provider.
        InProgressError, ReferenceReusedError.
    """
    if provider not in providers:
        known = ", ".join(sorted(providers))
        raise InvalidRequestError(
            "There is no such provider.", errors={"provider": [f"Use one of: {known}."]}
        )
    waiting = session.scalar(select(func.count()).select_from(Payment).where(is_open_at(provider)))
    return _ask(
        session,
        caller=caller,
        reference=reference,
        provider=provider,
        payment_id=None,
        accepted=waiting or 0,
        now=now,
        request_id=request_id,
    )


def read_ask(session: Session, ask_id: str) -> ProviderAsk:
    """Return how far an ask is.

    Raises:
        NotFoundError: there is none of this id.
    """
    ask = session.get(ProviderAsk, ask_id)
    if ask is None:
        raise NotFoundError("Nobody asked this.")
    return ask


def list_asks(session: Session, *, limit: int) -> Sequence[ProviderAsk]:
    """Return up to `limit` asks, newest first."""
    return session.scalars(select(ProviderAsk).order_by(ProviderAsk.id.desc()).limit(limit)).all()


def _ask(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    provider: str,
    payment_id: str | None,
    accepted: int,
    now: dt.datetime,
    request_id: str | None,
) -> Answered[ProviderAsk]:
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"provider": provider, "payment_id": payment_id}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(ProviderAsk, claim.replayed_id), replayed=True)
    ask = ProviderAsk(
        id=new_id("ask", now=now),
        provider=provider,
        payment_id=payment_id,
        status="running",
        accepted=accepted,
        asked=0,
        changed=0,
        requested_by=caller.person,
        created_at=now,
    )
    session.add(ask)
    session.flush()
    _bring_forward(session, provider=provider, payment_id=payment_id, now=now)
    outbox.stage(session, job=JOB, args={"ask_id": ask.id}, request_id=request_id, now=now)
    for job in _ALONG_WITH_IT:
        outbox.stage(session, job=job, coalesce_key=job, request_id=request_id, now=now)
    idempotency.finish(session, claim, resource_id=ask.id, now=now)
    return Answered(ask, replayed=False)


def _bring_forward(
    session: Session, *, provider: str, payment_id: str | None, now: dt.datetime
) -> None:
    """Have what goes on for the payments looked up at the next run, not when it was planned.

    But not what is due soon anyway: that may be under way, held by whoever asks just now. Nor a
    call of which one look showed nothing: by the second one it counts as never arrived, so that has
    to come minutes later. A refund is only ever asked for again, under its key.
    """
    payments = select(Payment.id).where(Payment.provider == provider)
    if payment_id is not None:
        payments = payments.where(Payment.id == payment_id)
    session.execute(
        update(ProviderCall)
        .where(
            ProviderCall.state == "unknown",
            ProviderCall.due_at > now + FIRST_LOOK,
            or_(ProviderCall.attempts == 0, ProviderCall.operation == REFUND),
            ProviderCall.payment_id.in_(payments),
        )
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Refund)
        .where(Refund.status == "pending", Refund.poll_at > now, Refund.payment_id.in_(payments))
        .values(poll_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(SellerPayout)
        .where(
            SellerPayout.status.in_(["unknown", "pending"]),
            SellerPayout.due_at > now + when_to_ask.FIRST_LOOK,
            SellerPayout.payment_id.in_(payments),
        )
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
