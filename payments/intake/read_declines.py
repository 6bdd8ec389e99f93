"""Shows what a payer saw at each failed attempt, what that means, and what to tell them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.intake.decline_advice import WAITS_FOR_PAYER, Advice, advise
from payments.intake.read_payment import read_payment
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import PaymentDecline
from payments.lifecycle.view import PaymentView

SAME_ATTEMPT = dt.timedelta(seconds=60)
"""Told by two, such as Stripe's answer and its webhook, a decline within this time is one."""


@dataclass(frozen=True, kw_only=True)
class DeclinedAttempt:
    """One failed attempt: what the payer saw (`message`, `next_step`), and who told us."""

    at: dt.datetime
    told_by: tuple[str, ...]
    code: str
    stripe_code: str | None
    message: str
    next_step: str
    advice: Advice


@dataclass(frozen=True)
class Declines:
    """A payment's failed attempts, oldest first; `waiting` while its payer must confirm it."""

    payment: PaymentView
    attempts: Sequence[DeclinedAttempt]

    @property
    def waiting(self) -> Advice | None:
        """What to tell a payer who has not confirmed yet."""
        return WAITS_FOR_PAYER if self.payment.status is Status.REQUIRES_ACTION else None


def read_declines(session: Session, *, caller: Caller, payment_id: str) -> Declines:
    """Return the failed attempts of a payment.

    Raises:
        NotFoundError: there is no such payment, or it is not the caller's.
    """
    payment = read_payment(session, caller=caller, payment_id=payment_id)
    rows = session.scalars(
        select(PaymentDecline)
        .filter_by(payment_id=payment_id)
        .order_by(PaymentDecline.occurred_at, PaymentDecline.id)
    ).all()
    attempts: list[DeclinedAttempt] = []
    for row in rows:
        if attempts and _is_same(attempts[-1], row):
            told_by = (*attempts[-1].told_by, row.cause)
            attempts[-1] = _attempt(row, at=attempts[-1].at, told_by=told_by)
        else:
            attempts.append(_attempt(row, at=row.occurred_at, told_by=(row.cause,)))
    return Declines(payment, attempts)


def _is_same(attempt: DeclinedAttempt, row: PaymentDecline) -> bool:
    tellers = {cause.partition(":")[0] for cause in attempt.told_by}
    return (
        row.cause.partition(":")[0] not in tellers
        and (row.code, row.stripe_code) == (attempt.code, attempt.stripe_code)
        and row.occurred_at - attempt.at <= SAME_ATTEMPT
    )


def _attempt(row: PaymentDecline, *, at: dt.datetime, told_by: tuple[str, ...]) -> DeclinedAttempt:
    return DeclinedAttempt(
        at=at,
        told_by=told_by,
        code=row.code,
        stripe_code=row.stripe_code,
        message=row.message,
        next_step=row.next_step,
        advice=advise(stripe_code=row.stripe_code, next_step=row.next_step),
    )
