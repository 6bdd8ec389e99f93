"""Everything that happened to a payment: steps, money in and back, calls, entries, settlement.

Of one on chain also what its contract went through, and what we sent there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import JournalEntry, entries_of_subjects
from payments.access.caller import STAFF_ROLES, Caller, Role
from payments.calls.tables import ProviderCall
from payments.chain.tables import ChainIntent
from payments.database import Base
from payments.escrow.view import EffectView, read_effects, view_effect
from payments.intake.read_payment import read_payment
from payments.lifecycle.tables import BankReceipt, Dispute, PaymentEvent, Refund
from payments.lifecycle.view import PaymentView, RefundView, view_refund
from payments.releases.tables import Release
from payments.settlement.read_settlement import SettledTransaction, settlement_of

_SEE_THE_INSIDE = STAFF_ROLES | {Role.SERVICE}

_Row = TypeVar("_Row", bound=Base)


@dataclass(frozen=True)
class Timeline:
    """A payment's history; from `receipts` on, all is None for buyers and sellers.

    `effects` is what happened on its escrow's contract. `receipts` is what arrived at our bank for
    it, `transactions` what we sent to its chain.
    """

    payment: PaymentView
    events: Sequence[PaymentEvent]
    refunds: Sequence[RefundView]
    disputes: Sequence[Dispute]
    effects: Sequence[EffectView]
    receipts: Sequence[BankReceipt] | None = None
    calls: Sequence[ProviderCall] | None = None
    transactions: Sequence[ChainIntent] | None = None
    settlement: Sequence[SettledTransaction] | None = None
    entries: Sequence[JournalEntry] | None = None

    @property
    def payment_shown(self) -> Mapping[str, Any]:
        """The payment as it is shown everywhere."""
        return self.payment.as_event()

    @property
    def refunds_shown(self) -> Sequence[Mapping[str, Any]]:
        """The refunds as they are shown everywhere."""
        return [refund.as_json() for refund in self.refunds]

    @property
    def effects_shown(self) -> Sequence[Mapping[str, Any]]:
        """What happened on the contract, as its escrow shows it."""
        return [effect.as_json() for effect in self.effects]


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
    rows = [] if payment.escrow_id is None else read_effects(session, payment.escrow_id)
    effects = [view_effect(row) for row in rows]
    if caller.role not in _SEE_THE_INSIDE:
        return Timeline(payment, events, shown_refunds, disputes, effects)
    settled = settlement_of(session, payment_id).transactions
    receipts = _of(session, BankReceipt, payment_id, order_by=BankReceipt.id)
    subjects = [payment_id, *(row.id for row in refunds), *(row.id for row in disputes)]
    subjects += [row.id for row in receipts]
    releases = _of(session, Release, payment_id, order_by=Release.id)
    subjects += [row.id for row in releases]
    subjects += [transaction.id for transaction in settled]
    transactions = _sent_for(session, subjects, payment.escrow_id)
    subjects += [intent.id for intent in transactions]
    return Timeline(
        payment=payment,
        events=events,
        refunds=shown_refunds,
        disputes=disputes,
        effects=effects,
        receipts=receipts,
        calls=_of(session, ProviderCall, payment_id, order_by=ProviderCall.id),
        transactions=transactions,
        settlement=settled,
        entries=entries_of_subjects(session.connection(), subjects),
    )


def _sent_for(
    session: Session, subjects: Sequence[str], escrow_id: str | None
) -> Sequence[ChainIntent]:
    """Return what we sent, or mean to send, to the chain of an escrow, oldest first."""
    if escrow_id is None:
        return []
    found = select(ChainIntent).where(ChainIntent.subject_id.in_([escrow_id, *subjects]))
    return session.scalars(found.order_by(ChainIntent.id)).all()


def _of(session: Session, kind: type[_Row], payment_id: str, *, order_by: Any) -> Sequence[_Row]:
    return session.scalars(select(kind).filter_by(payment_id=payment_id).order_by(order_by)).all()
