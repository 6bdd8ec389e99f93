"""What confirming, capturing and canceling share: intent, call, outcome, once per reference.

While one of them is under way for a payment, or its outcome unknown, no other is begun.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import (
    ConflictError,
    ForbiddenError,
    InProgressError,
    NotFoundError,
    StrongroomError,
)
from payments.idempotency import Answered, Claim, ClaimKind
from payments.intake.begun_calls import Begun, Seen, begun_of
from payments.intake.outcome_of_call import Verdict
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView, view_payment
from payments.orders.tables import Order
from payments.providers.facts import Fact, PaymentFailed
from payments.providers.outcome import (
    OutcomeUnknownError,
    PaymentDeclinedError,
    UnexpectedStateError,
)
from payments.providers.stripe.declines import log_decline


@dataclass(frozen=True)
class Asked:
    """Who asks for what: `request` is all of it, to be repeated word for word.

    `refusal_code` is told when the payment turns out to be in no state for it.
    """

    caller: Caller
    reference: str
    payment_id: str
    operation: str
    request: Mapping[str, Any]
    refusal_code: str

    @property
    def claim_operation(self) -> str:
        """What the reference is unique for."""
        return f"payments.{self.operation}"


Check = Callable[[Session, Payment, Order], None]
Call = Callable[[Begun], Sequence[Fact]]
Look = Callable[[Begun], Seen]


def act_on_payment(
    engine: Engine, asked: Asked, *, check: Check, call: Call, look: Look, now: dt.datetime
) -> Answered[PaymentView]:
    """Have `call` made for a payment that `check` lets pass, once per reference.

    `look` is asked when Stripe says that the payment is in another state than we thought.

    Raises:
        NotFoundError, ForbiddenError: the payment is not the caller's to act on.
        ConflictError: the payment is in no state for it, or Stripe refused.
        InProgressError, ReferenceReusedError: see `idempotency.claim`; also when another request
            acts on the payment.
        DeclinedError: the payer's bank said no; the same reference is answered so from then on.
        UnavailableError: Stripe gave no clear answer; the same request again finds out.
    """
    begun = in_transaction(engine, lambda session: _prepare(session, asked, check, now=now))
    if isinstance(begun, Answered):
        return begun
    reach(f"{asked.operation}.intent_committed")
    try:
        facts = _made(asked, begun, call=call, look=look)
    except StrongroomError as error:
        reach(f"{asked.operation}.called")
        _note_error(engine, asked, begun, error, now=now)
        raise
    reach(f"{asked.operation}.called")
    view = in_transaction(engine, lambda session: _note_done(session, asked, begun, facts, now=now))
    reach(f"{asked.operation}.recorded")
    return Answered(view, replayed=False)


class _OvertakenError(ConflictError):
    """Stripe shows that the payment went on without us: `facts` say where it stands."""

    def __init__(self, detail: str, *, code: str, facts: Sequence[Fact]) -> None:
        super().__init__(detail, code=code)
        self.facts = facts


def _made(asked: Asked, begun: Begun, *, call: Call, look: Look) -> Sequence[Fact]:
    try:
        return call(begun)
    except UnexpectedStateError as error:
        seen = look(begun)
        # Only of a call made before may the state be the effect.
        if begun.is_resumed and seen.verdict is Verdict.DONE:
            return seen.facts
        detail = "The payment is not in a state for this any more; read it to see where it stands."
        raise _OvertakenError(detail, code=asked.refusal_code, facts=seen.facts) from error


# ---- before the call ---------------------------------------------------------------------------


def _prepare(
    session: Session, asked: Asked, check: Check, *, now: dt.datetime
) -> Begun | Answered[PaymentView]:
    content = {"payment_id": asked.payment_id, **asked.request}
    claim = idempotency.claim(
        session,
        principal=asked.caller.principal,
        operation=asked.claim_operation,
        reference=asked.reference,
        fingerprint=idempotency.fingerprint(content),
        now=now,
    )
    row, order = lock_payment(session, caller=asked.caller, payment_id=asked.payment_id)
    if claim.resource_id is not None:
        found = open_calls.find(session, claim.resource_id)
        if claim.kind is ClaimKind.REPLAY:
            return _replay(found, row)
        open_calls.resume(found, now=now)
        return begun_of(session, found, row, is_resumed=True)
    refuse_while_under_way(session, row.id)
    check(session, row, order)
    call = _begin(session, asked, claim, row, now=now)
    return begun_of(session, call, row, is_resumed=False)


def lock_payment(session: Session, *, caller: Caller, payment_id: str) -> tuple[Payment, Order]:
    """Return a payment its caller may act on, and its order, both locked in that order.

    Raises:
        NotFoundError: there is none, or it is not the caller's.
        ForbiddenError: the caller is the seller.
    """
    row = session.get(Payment, payment_id, with_for_update={"key_share": True})
    if row is None:
        raise NotFoundError("There is no such payment.")
    order = session.get_one(Order, row.order_id, with_for_update={"key_share": True})
    if not caller.may_see(order.buyer_id, order.seller_id):
        raise NotFoundError("There is no such payment.")
    if not caller.may_see(order.buyer_id):
        raise ForbiddenError("Only its buyer acts on a payment.")
    return row, order


def refuse_while_under_way(session: Session, payment_id: str) -> None:
    """Let nobody act on a payment while somebody does.

    Raises:
        InProgressError: a call for it is under way, or its outcome is not known yet.
    """
    if open_calls.has_open(session, payment_id):
        raise InProgressError("Another request acts on this payment; try again.", retry_after_s=5)


def _replay(call: ProviderCall, row: Payment) -> Answered[PaymentView]:
    failure = open_calls.failure_of(call)
    if failure is not None:
        raise PaymentDeclinedError(failure, replayed=True)
    return Answered(view_payment(row), replayed=True)


def _begin(
    session: Session, asked: Asked, claim: Claim, row: Payment, *, now: dt.datetime
) -> ProviderCall:
    call = open_calls.begin(
        session,
        payment_id=row.id,
        operation=asked.operation,
        request=asked.request,
        claim=claim,
        now=now,
    )
    idempotency.set_resource(session, claim, resource_id=call.id)
    return call


# ---- after the call ----------------------------------------------------------------------------


def _note_done(
    session: Session, asked: Asked, begun: Begun, facts: Sequence[Fact], *, now: dt.datetime
) -> PaymentView:
    record_seen(session, facts, cause=f"api:{asked.operation}", now=now)
    open_calls.close(session, begun.call_id, state="done", now=now)
    row = session.get_one(Payment, begun.payment_id, populate_existing=True)
    return view_payment(row)


def _note_error(
    engine: Engine, asked: Asked, begun: Begun, error: StrongroomError, *, now: dt.datetime
) -> None:
    def note(session: Session) -> None:
        if isinstance(error, OutcomeUnknownError):
            open_calls.leave_unknown(session, begun.call_id, error=error.detail, now=now)
        elif isinstance(error, PaymentDeclinedError):
            _note_declined(session, asked, begun, error, now=now)
        else:
            facts = error.facts if isinstance(error, _OvertakenError) else ()
            record_seen(session, facts, cause=f"api:{asked.operation}", now=now)
            open_calls.close(session, begun.call_id, state="refused", error=error.detail, now=now)

    in_transaction(engine, note)
    reach(f"{asked.operation}.recorded")


def _note_declined(
    session: Session,
    asked: Asked,
    begun: Begun,
    error: PaymentDeclinedError,
    *,
    now: dt.datetime,
) -> None:
    at = now.replace(microsecond=0)  # as Stripe dates it, so that its word counts too
    fact = PaymentFailed(
        provider=begun.provider,
        provider_ref=begun.provider_ref,
        payment_id=begun.payment_id,
        occurred_at=max(at, begun.heard_at or at),
        failure=error.failure,
    )
    record_seen(session, [fact], cause=f"api:{asked.operation}", now=now)
    open_calls.close(
        session,
        begun.call_id,
        state="declined",
        error=error.provider_code,
        failure=error.failure,
        now=now,
    )
    log_decline(payment_id=begun.payment_id, stripe_code=error.provider_code)
