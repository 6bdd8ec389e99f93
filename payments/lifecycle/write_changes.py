"""Writes changed payments back: a fixed number of statements, however many payments."""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.delivery import outbox
from payments.delivery.live_events import Change, announce_all
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.stages import CHARGED, FINAL
from payments.lifecycle.view import rfc_3339

REFUND_DUPLICATE = "refund_duplicate"
"""The job that gives back what was paid for an order that had been paid."""

ISSUE_INVOICE = "issue_invoice"
"""The job that issues the invoices of orders that were paid."""

ISSUE_CREDIT_NOTE = "issue_credit_note"
"""The job that issues credit notes for what of orders was refunded."""

_UPDATE_PAYMENTS = text("""
    UPDATE strongroom.payments p
       SET status = c.status, provider_ref = c.provider_ref,
           amount_captured = CAST(c.amount_captured AS numeric),
           amount_refunded = CAST(c.amount_refunded AS numeric),
           authorized_at = COALESCE(p.authorized_at, c.authorized_at),
           next_action = CAST(c.next_action AS jsonb), failure_code = c.failure_code,
           stripe_code = c.stripe_code, failure_message = c.failure_message,
           failure_next_step = c.failure_next_step, updated_at = :now,
           poll_at = CASE WHEN c.is_final THEN NULL
                          WHEN c.awaits_charge THEN :now
                          ELSE p.poll_at END
      FROM unnest(
             CAST(:id AS text[]), CAST(:status AS text[]), CAST(:provider_ref AS text[]),
             CAST(:amount_captured AS text[]), CAST(:amount_refunded AS text[]),
             CAST(:authorized_at AS timestamptz[]), CAST(:next_action AS text[]),
             CAST(:failure_code AS text[]), CAST(:stripe_code AS text[]),
             CAST(:failure_message AS text[]), CAST(:failure_next_step AS text[]),
             CAST(:is_final AS boolean[]), CAST(:awaits_charge AS boolean[])
           ) AS c (id, status, provider_ref, amount_captured, amount_refunded, authorized_at,
                   next_action, failure_code, stripe_code, failure_message, failure_next_step,
                   is_final, awaits_charge)
     WHERE p.id = c.id
""")
_UPDATE_BANK = text("""
    UPDATE strongroom.payments p
       SET provider_status = c.provider_status, provider_status_at = c.provider_status_at,
           taken_back_at = c.taken_back_at, amount_received = CAST(c.amount_received AS numeric)
      FROM unnest(
             CAST(:id AS text[]), CAST(:provider_status AS text[]),
             CAST(:provider_status_at AS timestamptz[]), CAST(:taken_back_at AS timestamptz[]),
             CAST(:amount_received AS text[])
           ) AS c (id, provider_status, provider_status_at, taken_back_at, amount_received)
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
_NOTE_DUE = text("""
    INSERT INTO strongroom.documents_due AS d (job, order_id, due_at)
    SELECT :job, o, :now FROM unnest(CAST(:order_ids AS text[])) AS o ORDER BY o
        ON CONFLICT (job, order_id) DO UPDATE
       SET due_at = excluded.due_at, attempts = 0, asked = d.asked + 1
""")


def write_changes(session: Session, changed: Sequence[LockedPayment], *, now: dt.datetime) -> None:
    """Write the payments, their history and their orders, and tell the frontend."""
    if not changed:
        return
    session.execute(_UPDATE_PAYMENTS, {"now": now, **_columns(map(_payment_row, changed))})
    by_bank = [row for payment in changed for row in _bank_rows(payment)]
    if by_bank:
        session.execute(_UPDATE_BANK, _columns(by_bank))
    steps = [row for payment in changed for row in _step_rows(payment)]
    if steps:
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
    paid = _pay_orders(session, changed, now=now)
    announce_all(session, [*told, *paid], now=now)
    refunded = {payment.view.order_id for payment in changed if _has_refund(payment)}
    due = {ISSUE_INVOICE: {order.subject_id for order in paid}, ISSUE_CREDIT_NOTE: refunded}
    _have_issued(session, due, now=now)


def _have_issued(session: Session, due: Mapping[str, Collection[str]], *, now: dt.datetime) -> None:
    """Note of which orders each job has to issue, and wake it: one that waits stands for all.

    The last thing that is done, since whoever stages a job keeps the others waiting.
    """
    wanted = {job: list(order_ids) for job, order_ids in due.items() if order_ids}
    for job, order_ids in wanted.items():
        session.execute(_NOTE_DUE, {"job": job, "order_ids": order_ids, "now": now})
    for job in wanted:
        outbox.stage(session, job=job, coalesce_key=job, now=now)


def _has_refund(payment: LockedPayment) -> bool:
    return any(refund.booked in ("refunded", "returned") for refund in payment.refunds)


def _payment_row(payment: LockedPayment) -> dict[str, Any]:
    view, failure = payment.view, payment.view.failure
    is_final = view.status in FINAL
    asked = view.next_action
    return {
        "id": view.id,
        "status": view.status.value,
        "provider_ref": payment.provider_ref,
        "amount_captured": str(view.amount_captured),
        "amount_refunded": str(view.amount_refunded),
        "authorized_at": payment.stage.since if payment.stage.authorized else None,
        "next_action": None if asked is None else json.dumps(asked),
        "failure_code": failure and failure.code,
        "stripe_code": failure and failure.stripe_code,
        "failure_message": failure and failure.message,
        "failure_next_step": failure and failure.next_step,
        "is_final": is_final and (payment.is_charged or not _awaits_charge(payment)),
        "awaits_charge": not payment.is_charged and _awaits_charge(payment),
    }


def _bank_rows(payment: LockedPayment) -> list[dict[str, Any]]:
    """Return what of a payment by bank is written besides; nothing of a card."""
    bank = payment.view.bank
    if bank is None:
        return []
    row = {
        "id": payment.view.id,
        "provider_status": bank.provider_status,
        "provider_status_at": payment.provider_status_at,
        "taken_back_at": payment.taken_back_at,
        "amount_received": str(bank.received),
    }
    return [row]


def _awaits_charge(payment: LockedPayment) -> bool:
    """Whether money is told to go back that we do not know to have come: the poll finds it."""
    if payment.view.rail == "crypto":
        return False  # the chain is read anyway
    return bool(payment.disputes) or any(r.origin == "provider" for r in payment.refunds)


def _step_rows(payment: LockedPayment) -> list[dict[str, Any]]:
    return [
        {
            "payment_id": payment.view.id,
            "seq": step.seq,
            "from_status": step.from_status.value,
            "to_status": step.to_status.value,
            "cause": step.cause,
            "occurred_at": step.occurred_at,
        }
        for step in payment.steps
    ]


def _pay_orders(
    session: Session, changed: Sequence[LockedPayment], *, now: dt.datetime
) -> list[Change]:
    """Mark the orders of charged payments as paid; what was paid twice is given back by a job."""
    charged = [payment for payment in changed if _was_just_charged(payment)]
    if not charged:
        return []
    ids = [payment.view.order_id for payment in charged]
    rows = session.execute(_PAY_ORDERS, {"now": now, "ids": ids}).all()
    _give_back_duplicates(session, charged, newly_paid={row.id for row in rows}, now=now)
    return [_order_paid(row) for row in rows]


def _was_just_charged(payment: LockedPayment) -> bool:
    return any(
        step.from_status not in CHARGED and step.to_status in CHARGED for step in payment.steps
    )


def _give_back_duplicates(
    session: Session,
    charged: Sequence[LockedPayment],
    *,
    newly_paid: set[str],
    now: dt.datetime,
) -> None:
    """Stage a whole refund of every charge for an order that another payment has paid."""
    unpaid = set(newly_paid)
    for payment in charged:
        if payment.view.order_id in unpaid:
            unpaid.remove(payment.view.order_id)
            continue
        outbox.stage(session, job=REFUND_DUPLICATE, args={"payment_id": payment.view.id}, now=now)


def _order_paid(row: Row[Any]) -> Change:
    return Change(
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


def _columns(rows: Any) -> dict[str, list[Any]]:
    """Turn rows into one array a column."""
    rows = list(rows)
    return {name: [row[name] for row in rows] for name in rows[0]}
