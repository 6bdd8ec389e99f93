"""Compares what bank providers have since the moment with our books, payment by payment.

A provider that lists what moved on our account tells of payments, refunds and payouts that we have
forgotten altogether, once they have moved. What is under way it lists nowhere: so a person has to
look at its own desk, or wait, before anything is sent there again.
"""

import datetime as dt
from collections.abc import Sequence
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.errors import ConflictError
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import BankReceipt, Payment, Refund
from payments.payouts.tables import PayoutAttempt
from payments.providers.facts import Fact, RefundReported
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import BankProvider, ListsRefunds, PayoutPort, ProviderTransaction
from payments.restores.adopt_payout import adopt_payout
from payments.restores.adopt_refund import adopt_refund
from payments.restores.look import CAUSE, Look

_MAY_MOVE = dt.timedelta(days=90)
_UNDER_WAY = (
    "Payments, refunds and payouts that are under way at {name} are in no list of it: look at its"
    " desk for those made after the moment, or wait until they have moved and reconcile again."
)


def adopt_banks(look: Look) -> None:
    """Take into the books what each bank provider has; note what they cannot take.

    Raises:
        OutcomeUnknownError: a provider does not answer.
    """
    for name, bank in look.providers.banks.items():
        _ask_about_payments(look, name, bank)
        if bank.capabilities.lists_transactions:
            for currency in sorted(bank.capabilities.currencies):
                _compare_account(look, name, bank, currency)
        in_transaction(look.engine, partial(_note_under_way, look, name))


def _note_under_way(look: Look, name: str, session: Session) -> None:
    look.note(
        session,
        "to_check",
        provider=name,
        provider_ref="under_way",
        status="open",
        detail=_UNDER_WAY.format(name=name),
    )


def _ask_about_payments(look: Look, name: str, bank: BankProvider) -> None:
    """Ask where every payment stands whose money may have moved, or gone back, since."""
    asked = select(Payment.id, Payment.provider_ref, Payment.status).where(
        Payment.provider == name,
        Payment.provider_ref.is_not(None),
        Payment.created_at >= look.since - _MAY_MOVE,
    )
    rows = in_transaction(look.engine, lambda session: session.execute(asked).all())
    for payment_id, provider_ref, status in rows:
        look.figures["bank_asked"] += 1
        try:
            facts = list(bank.get_status(provider_ref or "", seen_at=look.clock()))
            if isinstance(bank, ListsRefunds):
                facts += bank.list_refunds(provider_ref or "")
        except OutcomeUnknownError:
            raise
        except ConflictError:
            continue  # it was never made there

        in_transaction(look.engine, partial(_record, look, payment_id, status, facts))


def _record(look: Look, payment_id: str, was: str, facts: Sequence[Fact], session: Session) -> None:
    refunds = [fact for fact in facts if isinstance(fact, RefundReported)]
    others = [fact for fact in facts if not isinstance(fact, RefundReported)]
    record_seen(session, others, cause=CAUSE, now=look.clock())
    for told in refunds:
        adopt_refund(look, session, told)
    payment = session.get_one(Payment, payment_id, populate_existing=True)
    if payment.status != was:
        look.note(
            session,
            "payment",
            provider=payment.provider,
            provider_ref=payment.provider_ref or "",
            status="adopted",
            detail=f"it was {was}, and is {payment.status}",
            order_id=payment.order_id,
            payment_id=payment.id,
            our_id=payment.id,
            money=(payment.amount, payment.currency),
        )


def _compare_account(look: Look, name: str, bank: BankProvider, currency: str) -> None:
    moved = bank.list_transactions(currency=currency, since=look.since, until=look.clock())
    for one in moved:
        look.figures["bank_compared"] += 1
        if one.kind == "payout" and one.subject_ref is not None and isinstance(bank, PayoutPort):
            _payout(look, name, bank, one)
        elif one.kind in ("payment", "refund") and one.subject_ref is not None:
            in_transaction(look.engine, partial(_money, look, name, one))


def _payout(look: Look, name: str, bank: PayoutPort, one: ProviderTransaction) -> None:
    known = select(PayoutAttempt.number).filter_by(
        provider=name, provider_ref=one.subject_ref, state="paid"
    )
    if in_transaction(look.engine, lambda session: session.execute(known).first()) is not None:
        return
    try:
        told = bank.get_payout(one.subject_ref or "")
    except OutcomeUnknownError:
        raise
    except ConflictError:
        return  # the bank's own fees are listed as payouts, too
    if told.payout_id is not None:
        in_transaction(
            look.engine,
            lambda session: adopt_payout(look, session, told, order_id=told.order_id),
        )


def _money(look: Look, name: str, one: ProviderTransaction, session: Session) -> None:
    """Note money of a payment or a refund that the books do not have."""
    ref = one.subject_ref or ""
    if one.kind == "refund":
        known = select(Refund.id).filter_by(provider=name, provider_ref=ref)
    else:
        known = (
            select(Payment.id)
            .outerjoin(BankReceipt, BankReceipt.payment_id == Payment.id)
            .where(Payment.provider == name)
            .where((Payment.provider_ref == ref) | (BankReceipt.receipt_ref == ref))
        )
    if session.execute(known.limit(1)).first() is not None:
        return
    look.note(
        session,
        "refund" if one.kind == "refund" else "payment",
        provider=name,
        provider_ref=ref,
        status="open",
        detail="it moved, and is forgotten: enter by hand what it was, or give it back",
        money=(abs(one.amount), one.currency),
    )
