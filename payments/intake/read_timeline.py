"""Everything that happened to a payment: its steps, what went back, our calls, its entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session

from ledger import JournalEntry, entries_of_effects
from payments.access.caller import STAFF_ROLES, Caller, Role
from payments.calls.tables import ProviderCall
from payments.database import Base
from payments.intake.read_payment import read_payment
from payments.lifecycle.tables import Dispute, PaymentEvent, Refund
from payments.lifecycle.view import PaymentView, RefundView, view_refund

_SEE_THE_INSIDE = STAFF_ROLES | {Role.SERVICE}

_balance_transactions = table(
    "balance_transactions", column("id"), column("payment_id"), schema="strongroom"
)

_OF_PAYMENT = ("authorized", "charged", "authorization_released")
_OF_REFUND = ("held", "refunded", "returned")
_OF_DISPUTE = ("held", "opened", "won", "lost")
_OF_BALANCE = ("fee", "exchanged", "available")

_Row = TypeVar("_Row", bound=Base)


@dataclass(frozen=True)
class Timeline:
    """A payment's history; `calls` and `entries` are None for buyers and sellers."""

    payment: PaymentView
    events: Sequence[PaymentEvent]
    refunds: Sequence[RefundView]
    disputes: Sequence[Dispute]
    calls: Sequence[ProviderCall] | None
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
    sees_inside = caller.role in _SEE_THE_INSIDE
    return Timeline(
        payment=payment,
        events=_of(session, PaymentEvent, payment_id, order_by=PaymentEvent.seq),
        refunds=[view_refund(refund, order_id=payment.order_id) for refund in refunds],
        disputes=disputes,
        calls=_of(session, ProviderCall, payment_id, order_by=ProviderCall.id)
        if sees_inside
        else None,
        entries=_entries(session, payment_id, refunds, disputes) if sees_inside else None,
    )


def _of(session: Session, kind: type[_Row], payment_id: str, *, order_by: Any) -> Sequence[_Row]:
    return session.scalars(select(kind).filter_by(payment_id=payment_id).order_by(order_by)).all()


def _entries(
    session: Session, payment_id: str, refunds: Sequence[Refund], disputes: Sequence[Dispute]
) -> list[JournalEntry]:
    transactions = _balance_transactions
    booked = session.scalars(
        select(transactions.c.id).where(transactions.c.payment_id == payment_id)
    ).all()
    keys = [f"{payment_id}:{effect}" for effect in _OF_PAYMENT]
    keys += [f"{refund.id}:{effect}" for refund in refunds for effect in _OF_REFUND]
    keys += [f"{dispute.id}:{effect}" for dispute in disputes for effect in _OF_DISPUTE]
    keys += [f"{transaction_id}:{effect}" for transaction_id in booked for effect in _OF_BALANCE]
    return entries_of_effects(session.connection(), keys)
