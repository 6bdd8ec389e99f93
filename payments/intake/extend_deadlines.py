"""An operator puts deadlines of bank payments off: of some, of an order's, or of a provider's.

Every extension stays written down, with who made it and why. While one is in force, no payment it
is for expires.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.calls.tables import ProviderCall
from payments.errors import ConflictError, InProgressError, InvalidRequestError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.intake.outcome_of_call import CANCEL
from payments.lifecycle.stages import FINAL
from payments.lifecycle.tables import DeadlineExtension, Payment
from payments.lifecycle.view import rfc_3339
from payments.log_lines import get_logger

OPERATION = "deadlines.extend"
LONGEST = dt.timedelta(days=90)
MAX_IDS = 1_000
_NAMED = 5  # so many payments are named in an error
_RETRY_AFTER_S = 5

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose deadlines: of `payment_ids`, of an order's payments, or of all with a provider.

    Of the latter those made before `created_before`, or else all that are made while it lasts, too.
    """

    payment_ids: tuple[str, ...] | None = None
    order_id: str | None = None
    provider: str | None = None
    created_before: dt.datetime | None = None

    def content(self) -> dict[str, object]:
        """Return what a repeated request must say again."""
        before = self.created_before
        return {
            "payment_ids": None if self.payment_ids is None else sorted(set(self.payment_ids)),
            "order_id": self.order_id,
            "provider": self.provider,
            "created_before": None if before is None else rfc_3339(before),
        }

    @property
    def is_all_of_a_provider(self) -> bool:
        """Whether it is for payments that are not made yet, too."""
        return self.provider is not None and self.created_before is None


@dataclass(frozen=True)
class Extended:
    """How many payments may be paid until `extended_until` now, if not longer."""

    extended: int
    extended_until: dt.datetime


def extend_deadlines(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    scope: Scope,
    extend_until: dt.datetime,
    reason: str,
    providers: Collection[str],
    now: dt.datetime,
) -> Answered[Extended]:
    """Put deadlines off, once per reference; a deadline that is later already stays as it is.

    `providers` are the names of the bank providers that are set up.

    Raises:
        InvalidRequestError: the scope is not exactly one, or the moment not within 90 days.
        ConflictError: a payment named is not by bank or is over, or there is none that is not
            (`payment_not_extendable`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`; also while a payment named
            is being given up.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(
            {**scope.content(), "extend_until": rfc_3339(extend_until), "reason": reason}
        ),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(_read(session, claim.replayed_id), replayed=True)
    _check(scope, extend_until, providers=providers, now=now)
    batch_id = new_id("ext", now=now)
    shared = {
        "batch_id": batch_id,
        "extended_until": extend_until,
        "reason": reason,
        "created_by": caller.principal,
        "created_at": now,
    }
    if scope.is_all_of_a_provider:
        rows = [{**shared, "id": batch_id, "payment_id": None, "provider": scope.provider}]
    else:
        rows = [
            {**shared, "id": new_id("ext", now=now), "payment_id": payment_id, "provider": None}
            for payment_id in _lock_open(session, scope)
        ]
    session.execute(insert(DeadlineExtension), rows)
    idempotency.finish(session, claim, resource_id=batch_id, now=now)
    made = _read(session, batch_id)
    _log.info(
        "deadlines_extended",
        batch_id=batch_id,
        extended=made.extended,
        extended_until=rfc_3339(extend_until),
        created_by=caller.principal,
    )
    return Answered(made, replayed=False)


def _check(
    scope: Scope, extend_until: dt.datetime, *, providers: Collection[str], now: dt.datetime
) -> None:
    errors: dict[str, list[str]] = {}
    named = (scope.payment_ids, scope.order_id, scope.provider)
    if sum(name is not None for name in named) != 1:
        errors["payment_ids"] = ["Name one of `payment_ids`, `order_id` and `provider`."]
    if scope.payment_ids is not None and not 1 <= len(scope.payment_ids) <= MAX_IDS:
        errors["payment_ids"] = [f"Name 1 to {MAX_IDS} payments."]
    if scope.provider is not None and scope.provider not in providers:
        known = ", ".join(sorted(providers)) or "none is set up"
        errors["provider"] = [f"Use a bank provider: {known}."]
    if scope.created_before is not None and scope.provider is None:
        errors["created_before"] = ["It narrows a `provider` only."]
    if not now < extend_until <= now + LONGEST:
        errors["extend_until"] = [f"Use a moment within the next {LONGEST.days} days."]
    if errors:
        raise InvalidRequestError("The extension is not valid.", errors=errors)


def _lock_open(session: Session, scope: Scope) -> list[str]:
    """Return the payments that are meant, locked: none of them expires meanwhile."""
    found = (
        select(Payment.id, Payment.rail, Payment.status)
        .where(_is_meant(scope))
        .order_by(Payment.id)
        .with_for_update(key_share=True)
    )
    rows = session.execute(found).all()
    open_ids = [row.id for row in rows if row.rail == "bank" and row.status not in FINAL]
    wanted = open_ids if scope.payment_ids is None else scope.payment_ids
    not_open = sorted(set(wanted) - set(open_ids))
    if not_open or not open_ids:
        _refuse(not_open)
    _refuse_while_given_up(session, open_ids)
    return open_ids


def _is_meant(scope: Scope) -> ColumnElement[bool]:
    if scope.payment_ids is not None:
        return Payment.id.in_(scope.payment_ids)
    if scope.order_id is not None:
        return (Payment.order_id == scope.order_id) & (Payment.rail == "bank")
    return (
        (Payment.provider == scope.provider)
        & (Payment.created_at < scope.created_before)
        & Payment.status.not_in(FINAL)
    )


def _refuse(payment_ids: Sequence[str]) -> None:
    named = ", ".join(payment_ids[:_NAMED]) + (" …" if len(payment_ids) > _NAMED else "")
    raise ConflictError(
        "There is no such bank payment, or it is over.",
        code="payment_not_extendable",
        errors={"payment_ids": [f"Leave out: {named}."]} if payment_ids else None,
    )


def _refuse_while_given_up(session: Session, payment_ids: Sequence[str]) -> None:
    given_up = select(ProviderCall.id).where(
        ProviderCall.payment_id.in_(payment_ids),
        ProviderCall.operation == CANCEL,
        ProviderCall.state.in_(["intent", "unknown"]),
    )
    if session.scalars(given_up.limit(1)).first() is not None:
        raise InProgressError(
            "A payment of these is being given up at this moment; try again.",
            retry_after_s=_RETRY_AFTER_S,
        )


def _read(session: Session, batch_id: str) -> Extended:
    rows = session.scalars(select(DeadlineExtension).filter_by(batch_id=batch_id)).all()
    if rows[0].provider is None:
        return Extended(len(rows), rows[0].extended_until)
    of_provider = select(func.count()).where(
        Payment.provider == rows[0].provider, Payment.status.not_in(FINAL)
    )
    return Extended(session.scalar(of_provider) or 0, rows[0].extended_until)
