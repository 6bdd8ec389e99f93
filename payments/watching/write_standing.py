"""Writes where an escrow stands: its row, its payment with its history, its order; all are told."""

import datetime as dt
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.delivery.live_events import announce
from payments.escrow.tables import Escrow
from payments.lifecycle.locked_payment import LockedPayment, Step
from payments.lifecycle.stages import CHARGED
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import rfc_3339
from payments.lifecycle.write_changes import write_changes
from payments.orders.tables import Order
from payments.watching.project import Standing

REORGANISED = "chain:reorganised"


def write_escrow(escrow: Escrow, standing: Standing, *, now: dt.datetime) -> bool:
    """Write an escrow's row; False when it stands there already."""
    was = (
        escrow.status,
        escrow.is_paused,
        escrow.amount_deposited,
        escrow.amount_released,
        escrow.amount_refunded,
        escrow.amount_stray,
    )
    escrow.status, escrow.is_paused = standing.status, standing.is_paused
    escrow.amount_deposited = standing.deposited
    escrow.amount_released, escrow.amount_refunded = standing.released, standing.refunded
    escrow.amount_stray = standing.stray
    is_news = was != (
        standing.status,
        standing.is_paused,
        standing.deposited,
        standing.released,
        standing.refunded,
        standing.stray,
    )
    if is_news:
        escrow.updated_at = now
    return is_news


def write_payment(
    session: Session,
    payment: LockedPayment,
    standing: Standing,
    *,
    cause: str,
    occurred_at: dt.datetime,
    now: dt.datetime,
) -> bool:
    """Write the payment an escrow is, and its order; False when it stands there already.

    Unlike others it may go back: then its order is open again, unless another payment has paid it.
    """
    before, status = payment.view, standing.payment_status
    amounts = (standing.deposited, standing.refunded)
    if (status, *amounts) == (before.status, before.amount_captured, before.amount_refunded):
        return False
    if status is not before.status:
        payment.last_seq += 1
        payment.steps.append(Step(payment.last_seq, before.status, status, occurred_at, cause))
    payment.view = replace(
        before,
        status=status,
        amount_captured=standing.deposited,
        amount_refunded=standing.refunded,
        updated_at=now,
    )
    payment.is_changed = True
    write_changes(session, [payment], now=now)
    if before.status in CHARGED and status not in CHARGED:
        _reopen_order(session, payment, now=now)
    return True


def _reopen_order(session: Session, payment: LockedPayment, *, now: dt.datetime) -> None:
    order = session.get_one(Order, payment.view.order_id, populate_existing=True)
    paid_otherwise = select(Payment.id).where(
        Payment.order_id == order.id, Payment.id != payment.view.id, Payment.status.in_(CHARGED)
    )
    if order.status != "paid" or session.scalars(paid_otherwise).first() is not None:
        return
    order.status, order.updated_at = "open", now
    session.flush()
    announce(
        session,
        topic="order.updated",
        subject_id=order.id,
        audience=(order.buyer_id, order.seller_id),
        data={
            "id": order.id,
            "buyer_id": order.buyer_id,
            "seller_id": order.seller_id,
            "status": order.status,
            "amount": str(order.amount),
            "currency": order.currency,
            "updated_at": rfc_3339(now),
        },
        now=now,
    )
