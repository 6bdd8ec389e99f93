"""Reads a payment with all that happened to it, in one list by time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.history import surroundings
from payments.history.line import Line, in_order
from payments.history.money_lines import money_lines
from payments.history.whereabouts import Place, whereabouts
from payments.intake.read_declines import Declines, read_declines
from payments.invoices.tables import Invoice
from payments.orders.read_order import read_order
from payments.orders.view import OrderView
from payments.payouts.tables import SellerPayout
from payments.releases.tables import Release
from payments.timeline import Timeline, read_timeline


@dataclass(frozen=True, kw_only=True)
class History:
    """A payment of an order, what followed from it, and every line of its history, oldest first."""

    timeline: Timeline
    order: OrderView
    releases: Sequence[Release]
    payouts: Sequence[SellerPayout]
    documents: Sequence[Invoice]
    declines: Declines
    lines: Sequence[Line]

    @property
    def places(self) -> Sequence[Place]:
        """Where its money is."""
        return whereabouts(self.timeline.payment, self.releases, self.payouts)


def read_history(session: Session, *, caller: Caller, payment_id: str) -> History:
    """Return the history of a payment, for the staff.

    Raises:
        NotFoundError: there is none.
    """
    timeline = read_timeline(session, caller=caller, payment_id=payment_id)
    payment = timeline.payment
    order = read_order(session, caller=caller, order_id=payment.order_id)
    releases = session.scalars(
        select(Release).filter_by(payment_id=payment_id).order_by(Release.id)
    ).all()
    payouts = session.scalars(
        select(SellerPayout).filter_by(payment_id=payment_id).order_by(SellerPayout.id)
    ).all()
    documents = session.scalars(
        select(Invoice).filter_by(order_id=payment.order_id).order_by(Invoice.issued_at)
    ).all()
    subjects = [
        payment_id,
        *([payment.escrow_id] if payment.escrow_id else ()),
        *(refund.id for refund in timeline.refunds),
        *(dispute.id for dispute in timeline.disputes),
        *(release.id for release in releases),
        *(payout.id for payout in payouts),
    ]
    asked = surroundings.requests_about(session, [*subjects, payment.order_id])
    causes = [event.cause for event in timeline.events]
    webhooks = surroundings.webhooks_of(session, causes)
    named = [*(entry.request_id for entry in asked), *(event.request_id for event in webhooks)]
    request_ids = {request_id for request_id in named if request_id}
    lines = [
        *surroundings.request_lines(asked),
        *surroundings.webhook_lines(webhooks),
        *money_lines(timeline),
        *surroundings.following_lines(releases, payouts, documents),
        *surroundings.job_lines(surroundings.jobs_of(session, sorted(request_ids))),
        *surroundings.notice_lines(session, subjects),
    ]
    return History(
        timeline=timeline,
        order=order,
        releases=releases,
        payouts=payouts,
        documents=documents,
        declines=read_declines(session, caller=caller, payment_id=payment_id),
        lines=in_order(lines),
    )
