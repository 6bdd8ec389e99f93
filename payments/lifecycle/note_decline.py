"""Keeps each decline as it was told: the payment itself shows the last one only."""

import datetime as dt

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.providers.facts import PaymentFailed

# What a poll shows is news only to who knew nothing: it is dated by our asking.
_NOTE = text("""
    INSERT INTO strongroom.payment_declines
           (payment_id, cause, code, stripe_code, message, next_step, occurred_at, recorded_at)
    SELECT :payment_id, :cause, :code, :stripe_code, :message, :next_step, :occurred_at, :now
     WHERE :cause <> 'poll' OR NOT EXISTS (
             SELECT FROM strongroom.payment_declines d
              WHERE d.payment_id = :payment_id AND d.code = :code
                AND d.stripe_code IS NOT DISTINCT FROM CAST(:stripe_code AS text))
        ON CONFLICT (payment_id, cause, occurred_at) DO NOTHING
""")


def note_decline(
    session: Session, payment_id: str | None, fact: PaymentFailed, *, cause: str, now: dt.datetime
) -> None:
    """Write down what the payer was told, and who told us."""
    failure = fact.failure
    session.execute(
        _NOTE,
        {
            "payment_id": payment_id,
            "cause": cause,
            "code": failure.code,
            "stripe_code": failure.stripe_code,
            "message": failure.message,
            "next_step": failure.next_step,
            "occurred_at": fact.occurred_at,
            "now": now,
        },
    )
