"""Everything that happened to a payment: steps, money in and back, calls, entries, settlement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import JournalEntry, entries_of_subjects
from payments.access.caller import STAFF_ROLES, Caller, Role
from payments.calls.tables import ProviderCall
from payments.database import Base
from payments.intake.read_payment import read_payment
from payments.lifecycle.tables import BankReceipt, Dispute, PaymentEvent, Refund
from payments.lifecycle.view import PaymentView, RefundView, view_refund
from payments.settlement.read_settlement import SettledTransaction, settlement_of

_SEE_THE_INSIDE = STAFF_ROLES | {Role.SERVICE}

_Row = TypeVar("_Row", bound=Base)


@dataclass(frozen=True)
class Timeline:
    """A payment's history; from `receipts` on, all is None for buyers and sellers.

    `receipts` is what arrived at our bank for it.
    """

    payment: PaymentView
    events: Sequence[PaymentEvent]
    refunds: Sequence[RefundView]
    disputes: Sequence[Dispute]
    receipts: Sequence[BankReceipt] | None
    calls: Sequence[ProviderCall] | None
    settlement: Sequence[SettledTransaction] | None
    entries: Sequence[JournalEntry] | None

    @property
    def payment_shown(self) -> Mapping[str, Any]:
        """The payment as it is shown everywhere."""
        return self.payment.as_event()

    @property
    def refunds_shown(self) -> Sequence[Mapping[str, Any]]:
        """The refunds as they are shown everywhere."""
        return [refund.as_json() for refund in self.refunds]


def read_timeline(session: Session, *, caller: Caller, payment_id: str) -> Timeline:
    """Return the history of a payment.

    Raises:
        NotFoundError: when there is none, or it is not the caller's.
    """
    payment = read_payment(session, caller=caller, payment_id=payment_id)
    refunds = _of(session, Refund, payment_id, order_by=Refund.id)
    disputes = _of(session, Dispute, payment_id, order_by=Dispute.id)
    events = _of(session, PaymentEvent, payment_id, order_by=PaymentEvent.seq)
    shown_refunds = [view_refund(refund, order_id=payment.order_id) for refund in refunds]
    if caller.role not in _SEE_THE_INSIDE:
        return Timeline(payment, events, shown_refunds, disputes, None, None, None, None)
    settled = settlement_of(session, payment_id).transactions
    receipts = _of(session, BankReceipt, payment_id, order_by=BankReceipt.id)
    subjects = [payment_id, *(row.id for row in refunds), *(row.id for row in disputes)]
    subjects += [row.id for row in receipts]
    subjects += [transaction.id for transaction in settled]
    return Timeline(
        payment=payment,
        events=events,
        refunds=shown_refunds,
        disputes=disputes,
        receipts=receipts,
        calls=_of(session, ProviderCall, payment_id, order_by=ProviderCall.id),
        settlement=settled,
        entries=entries_of_subjects(session.connection(), subjects),
    )


def _of(session: Session, kind: type[_Row], payment_id: str, *, order_by: Any) -> Sequence[_Row]:
    return session.scalars(select(kind).filter_by(payment_id=payment_id).order_by(order_by)).all()
