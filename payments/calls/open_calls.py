"""Intent, call, outcome: a call is written down before it is made, and closed by what came of it.

Closing a call also settles the caller's reference it stands for, so the two never disagree.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy import Row, Text, column, select, table, text
from sqlalchemy.orm import Session, make_transient_to_detached

from payments import idempotency
from payments.calls.tables import ProviderCall
from payments.idempotency import Claim, ClaimKind
from payments.identifiers import new_id
from payments.log_lines import go_on_about
from payments.providers.facts import Failure

Closed = Literal["done", "refused", "declined"]

FIRST_LOOK = dt.timedelta(seconds=30)
"""When to look up a call whose process seems to have died: longer than a call may take."""

LOOKS = (
    dt.timedelta(minutes=1),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=30),
    dt.timedelta(hours=1),
    dt.timedelta(hours=6),
)
"""How long to wait before each look at a call without an answer; the last one from then on."""

_BEGIN = text("""
    INSERT INTO strongroom.provider_calls
           (id, payment_id, operation, idempotency_key, request, state, principal, claim_operation,
            reference, attempts, due_at, created_at)
    VALUES (:id, :payment_id, :operation, :idempotency_key, CAST(:request AS jsonb), :state,
            :principal, :claim_operation, :reference, :attempts, :due_at, :created_at)
""")
_CLOSE = text("""
    UPDATE strongroom.provider_calls
       SET state = :state, error = :error, failure = CAST(:failure AS jsonb), finished_at = :now
     WHERE id = :call_id AND state IN ('intent', 'unknown')
 RETURNING principal, claim_operation, reference
""")
_LEAVE_UNKNOWN = text("""
    UPDATE strongroom.provider_calls SET state = 'unknown', error = :error, due_at = :due_at
     WHERE id = :call_id AND state IN ('intent', 'unknown')
 RETURNING principal, claim_operation, reference
""")

_payments = table("payments", column("id", Text), column("provider", Text), schema="strongroom")
_IS_OPEN = ProviderCall.state.in_(["intent", "unknown"])


def begin(
    session: Session,
    *,
    payment_id: str,
    operation: str,
    request: Mapping[str, Any],
    claim: Claim | None,
    subject_id: str | None = None,
    now: dt.datetime,
) -> ProviderCall:
    """Write down a call about to be made, with all it takes to repeat it; commit before making it.

    Its idempotency key is `<subject id>:<operation>` for something that happens once to its
    subject, else the call's own id. `claim` is the reference it is made for, None for our own.
    """
    call_id = new_id("call", now=now)
    go_on_about(payment_id=payment_id)
    values: dict[str, Any] = {
        "id": call_id,
        "payment_id": payment_id,
        "operation": operation,
        "idempotency_key": call_id if subject_id is None else _key(subject_id, operation),
        "request": dict(request),
        "state": "intent",
        "principal": claim and claim.principal,
        "claim_operation": claim and claim.operation,
        "reference": claim and claim.reference,
        "attempts": 0,
        "due_at": now + FIRST_LOOK,
        "created_at": now,
    }
    session.execute(_BEGIN, values | {"request": json.dumps(values["request"])})
    call = ProviderCall(**values, error=None, failure=None, finished_at=None)
    make_transient_to_detached(call)
    session.add(call)  # as if it had been read
    return call


def find(session: Session, call_id: str) -> ProviderCall:
    """Return a call, locked."""
    return session.get_one(ProviderCall, call_id, with_for_update=True)


def find_of_subject(session: Session, *, subject_id: str, operation: str) -> ProviderCall:
    """Return the call of an operation that happens once to its subject, locked."""
    key = _key(subject_id, operation)
    found = select(ProviderCall).filter_by(idempotency_key=key).with_for_update()
    return session.scalars(found).one()


def is_open(call: ProviderCall) -> bool:
    """Whether its outcome is not known yet."""
    return call.state in ("intent", "unknown")


def has_open(session: Session, payment_id: str) -> bool:
    """Whether a call for the payment is under way, or its outcome not known yet."""
    found = select(ProviderCall.id).where(ProviderCall.payment_id == payment_id, _IS_OPEN)
    return session.scalars(found.limit(1)).first() is not None


def resume(call: ProviderCall, *, now: dt.datetime) -> None:
    """Note that an open call is made again, under its own key: nobody needs to look it up yet."""
    go_on_about(payment_id=call.payment_id)
    call.due_at = now + FIRST_LOOK
    call.attempts = 0


def close(
    session: Session,
    call_id: str,
    *,
    state: Closed,
    error: str | None = None,
    failure: Failure | None = None,
    now: dt.datetime,
) -> bool:
    """Write what came of a call; False, and nothing changes, when another run did so before.

    `done` and `declined` answer its reference for ever, `refused` (nothing happened there) gives
    it back. `failure` is a decline as the payer was shown it.
    """
    told = None if failure is None else json.dumps(asdict(failure))
    outcome = {"call_id": call_id, "state": state, "error": error, "failure": told, "now": now}
    closed = session.execute(_CLOSE, outcome).first()
    if closed is None:
        return False
    claim = _claim_of(closed)
    if claim is None:
        return True
    if state == "refused":
        idempotency.release(session, claim)
    else:
        idempotency.finish(session, claim, now=now)
    return True


def leave_unknown(session: Session, call_id: str, *, error: str, now: dt.datetime) -> bool:
    """Write that a call got no answer: the same request may ask again, and we look it up.

    Returns False, and nothing changes, when another run has closed it.
    """
    outcome = {"call_id": call_id, "error": error, "due_at": now + LOOKS[0]}
    left = session.execute(_LEAVE_UNKNOWN, outcome).first()
    if left is None:
        return False
    claim = _claim_of(left)
    if claim is not None:
        idempotency.suspend(session, claim)
    return True


def list_due(
    session: Session,
    *,
    operations: Collection[str],
    provider: str | None = None,
    now: dt.datetime,
    limit: int,
) -> Sequence[ProviderCall]:
    """Return up to `limit` open calls that should be looked up by now, the longest due first.

    Those of one `provider` alone, so that a silent one holds up no other.
    """
    found = (
        select(ProviderCall)
        .where(_IS_OPEN, ProviderCall.due_at <= now, ProviderCall.operation.in_(operations))
        .order_by(ProviderCall.due_at)
        .limit(limit)
    )
    if provider is not None:
        found = found.join(_payments, _payments.c.id == ProviderCall.payment_id)
        found = found.where(_payments.c.provider == provider)
    return session.scalars(found).all()


def postpone(session: Session, call_id: str, *, now: dt.datetime) -> None:
    """Note that a look did not tell the outcome: look again, ever later."""
    call = find(session, call_id)
    call.attempts += 1
    call.due_at = now + LOOKS[min(call.attempts, len(LOOKS) - 1)]


def put_off(session: Session, call_id: str, *, now: dt.datetime) -> None:
    """Note that nobody could look: the provider did not answer, so try again in a minute."""
    find(session, call_id).due_at = now + LOOKS[0]


def failure_of(call: ProviderCall) -> Failure | None:
    """Return the decline a call ended with."""
    return None if call.failure is None else Failure(**call.failure)


def _key(subject_id: str, operation: str) -> str:
    return f"{subject_id}:{operation}"


def _claim_of(call: Row[Any]) -> Claim | None:
    if call.principal is None or call.claim_operation is None or call.reference is None:
        return None
    return Claim(call.principal, call.claim_operation, call.reference, kind=ClaimKind.RESUME)
