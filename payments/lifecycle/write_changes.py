"""Writes changed payments back: a fixed number of statements, however many payments."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.delivery.live_events import Change, announce_all
from payments.lifecycle.locked_payments import LockedPayment
from payments.lifecycle.stages import CHARGED
from payments.lifecycle.view import rfc_3339

_UPDATE_PAYMENTS = text("""
    UPDATE strongroom.payments p
       SET status = c.status, provider_ref = c.provider_ref, failure_code = c.failure_code,
           stripe_code = c.stripe_code, failure_message = c.failure_message,
           failure_next_step = c.failure_next_step, updated_at = :now
      FROM unnest(
             CAST(:id AS text[]), CAST(:status AS text[]), CAST(:provider_ref AS text[]),
             CAST(:failure_code AS text[]), CAST(:stripe_code AS text[]),
             CAST(:failure_message AS text[]), CAST(:failure_next_step AS text[])
           ) AS c (id, status, provider_ref, failure_code, stripe_code, failure_message,
                   failure_next_step)
     WHERE p.id = c.id
""")
_INSERT_STEPS = text("""
    INSERT INTO strongroom.payment_events
           (payment_id, seq, from_status, to_status, cause, occurred_at, recorded_at)
    SELECT s.*, CAST(:now AS timestamptz)
      FROM unnest(
             CAST(:payment_id AS text[]), CAST(:seq AS int[]), CAST(:from_status AS text[]),
             CAST(:to_status AS text[]), CAST(:cause AS text[]),
             CAST(:occurred_at AS timestamptz[])
           ) AS s
""")
_PAY_ORDERS = text("""
    UPDATE strongroom.orders SET status = 'paid', updated_at = :now
     WHERE id = ANY(CAST(:ids AS text[])) AND status = 'open'
    RETURNING id, buyer_id, seller_id, status, amount, currency, updated_at
""")


def write_changes(session: Session, changed: Sequence[LockedPayment], *, now: dt.datetime) -> None:
    """Write the payments, their history and their orders, and tell the frontend."""
    if not changed:
        return
    session.execute(_UPDATE_PAYMENTS, {"now": now, **_columns(map(_payment_row, changed))})
    steps = [row for payment in changed for row in _step_rows(payment)]
    session.execute(_INSERT_STEPS, {"now": now, **_columns(steps)})
    told = [
        Change(
            topic="payment.updated",
            subject_id=payment.view.id,
            audience=payment.audience,
            data=payment.view.as_event(),
        )
        for payment in changed
    ]
    announce_all(session, [*told, *_pay_orders(session, changed, now=now)], now=now)


def _payment_row(payment: LockedPayment) -> dict[str, Any]:
    failure = payment.view.failure
    return {
        "id": payment.view.id,
        "status": payment.view.status.value,
        "provider_ref": payment.provider_ref,
        "failure_code": failure and failure.code,
        "stripe_code": failure and failure.stripe_code,
        "failure_message": failure and failure.message,
        "failure_next_step": failure and failure.next_step,
    }


def _step_rows(payment: LockedPayment) -> list[dict[str, Any]]:
    return [
        {
            "payment_id": payment.view.id,
            "seq": step.seq,
            "from_status": step.from_status.value,
            "to_status": step.stage.status.value,
            "cause": step.cause,
            "occurred_at": step.stage.since,
        }
        for step in payment.steps
    ]


def _pay_orders(
    session: Session, changed: Sequence[LockedPayment], *, now: dt.datetime
) -> list[Change]:
    """Mark the orders of charged payments as paid; an order that was paid or canceled stays so."""
    ids = [payment.view.order_id for payment in changed if payment.stage.status in CHARGED]
    if not ids:
        return []
    return [
        Change(
            topic="order.updated",
            subject_id=row.id,
            audience=(row.buyer_id, row.seller_id),
            data={
                "id": row.id,
                "buyer_id": row.buyer_id,
                "seller_id": row.seller_id,
                "status": row.status,
                "amount": f"{row.amount:f}",
                "currency": row.currency,
                "updated_at": rfc_3339(row.updated_at),
            },
        )
        for row in session.execute(_PAY_ORDERS, {"now": now, "ids": ids})
    ]


def _columns(rows: Any) -> dict[str, list[Any]]:
    """Turn rows into one array a column."""
    rows = list(rows)
    return {name: [row[name] for row in rows] for name in rows[0]}
