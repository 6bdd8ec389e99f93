"""Reads an order with every way it was paid, and where its money went."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.audit.tables import AuditEntry
from payments.escrow.tables import Escrow
from payments.history.surroundings import requests_about
from payments.intake.read_payment import LIMIT_MAX, list_payments
from payments.invoices.tables import Invoice
from payments.lifecycle.tables import Refund
from payments.lifecycle.view import PaymentView
from payments.orders.read_order import read_order
from payments.orders.view import OrderView
from payments.payouts.tables import SellerPayout
from payments.releases.tables import Release


@dataclass(frozen=True, kw_only=True)
class OrderFile:
    """All that belongs to an order; amounts in minor units of its currency."""

    order: OrderView
    payments: Sequence[PaymentView]
    refunds: Sequence[Refund]
    releases: Sequence[Release]
    payouts: Sequence[SellerPayout]
    documents: Sequence[Invoice]
    escrows: Sequence[Escrow]
    requests: Sequence[AuditEntry]

    @property
    def captured(self) -> int:
        """What was taken from the buyer."""
        return sum(payment.amount_captured for payment in self.payments)

    @property
    def refunded(self) -> int:
        """What of it went back."""
        return sum(payment.amount_refunded for payment in self.payments)

    @property
    def released(self) -> int:
        """What of it became the seller's, our fee and tax included."""
        return sum(row.amount for row in self.releases if row.status == "posted")

    @property
    def held(self) -> int:
        """What of it is held still."""
        return self.captured - self.refunded - self.released

    @property
    def paid_out(self) -> int:
        """What of it the seller was paid."""
        return sum(row.amount_paid for row in self.payouts)


def read_order_file(session: Session, *, caller: Caller, order_id: str) -> OrderFile:
    """Return an order with all that belongs to it, for the staff.

    Raises:
        NotFoundError: there is none.
    """
    order = read_order(session, caller=caller, order_id=order_id)
    page = list_payments(session, caller=caller, limit=LIMIT_MAX, order_id=order_id)
    paid = [payment.id for payment in page.data]
    refunds = select(Refund).where(Refund.payment_id.in_(paid)).order_by(Refund.id)
    return OrderFile(
        order=order,
        payments=page.data,
        refunds=session.scalars(refunds).all(),
        releases=session.scalars(select(Release).filter_by(order_id=order_id)).all(),
        payouts=session.scalars(select(SellerPayout).filter_by(order_id=order_id)).all(),
        documents=session.scalars(
            select(Invoice).filter_by(order_id=order_id).order_by(Invoice.issued_at)
        ).all(),
        escrows=session.scalars(select(Escrow).filter_by(order_id=order_id)).all(),
        requests=requests_about(session, [order_id]),
    )
