"""Has the books know a refund that a provider made and that they had forgotten."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Payment, Refund
from payments.providers.facts import RefundReported
from payments.restores.look import CAUSE, Look


def adopt_refund(look: Look, session: Session, told: RefundReported) -> None:
    """Record a refund as its provider shows it; note one of ours that was forgotten.

    Of its payment, the first who asks for a refund of this amount gets this one.
    """
    was_known = told.refund_id is None or session.get(Refund, told.refund_id) is not None
    record_seen(session, [told], cause=CAUSE, now=look.clock())
    found = select(Refund).filter_by(provider=told.provider, provider_ref=told.refund_ref)
    row = session.scalars(found).one_or_none()
    if row is not None and was_known:
        return
    payment = None if row is None else session.get_one(Payment, row.payment_id)
    look.note(
        session,
        "refund",
        provider=told.provider,
        provider_ref=told.refund_ref,
        status="open" if payment is None else "adopted",
        detail="its payment is forgotten, or is not what it says"
        if payment is None
        else "we had asked for it, it was forgotten, and is booked now",
        order_id=None if payment is None else payment.order_id,
        payment_id=None if payment is None else payment.id,
        our_id=told.refund_id,
        money=(told.amount, told.currency),
    )
