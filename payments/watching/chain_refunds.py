"""Refunds as the chain made them: ours, and those that depositor, beneficiary or arbiter made."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.accounting.chain_entries import ChainMoney, book_chain_refund
from payments.escrow.tables import Escrow, EscrowEffect
from payments.identifiers import new_id
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.tables import Refund
from payments.providers.evm.addresses import keccak_of
from payments.watching.holds import lose_hold, make_room

BY_OTHERS = "provider"
"""The origin of a refund that we did not ask for."""


def refund_of(
    session: Session,
    payment: LockedPayment,
    escrow: Escrow,
    effect: EscrowEffect,
    *,
    now: dt.datetime,
) -> Refund:
    """Return the refund that an effect is: the one we asked for, or a row made for it."""
    if effect.actor == escrow.operator:
        for row in payment.refunds:
            if row.amount == effect.amount and keccak_of(row.id) == effect.operation_id:
                return row
    ref = ref_of(escrow, effect)
    for row in payment.refunds:
        if row.provider_ref == ref:
            return row
    row = Refund(
        id=new_id("rfd", now=now),
        payment_id=payment.view.id,
        provider=payment.provider,
        provider_ref=ref,
        origin=BY_OTHERS,
        amount=effect.amount,
        currency=escrow.asset,
        status="pending",
        occurred_at=effect.block_at,
        booked="nothing",
        owed=0,
        created_at=now,
        updated_at=now,
    )
    payment.refunds.append(row)
    session.add(row)
    session.flush()
    return row


def ref_of(escrow: Escrow, effect: EscrowEffect) -> str:
    """Return what a refund that we did not ask for is known by."""
    return f"{escrow.id}:{effect.key}:{effect.amount}"


def book(
    session: Session, money: ChainMoney, refund: Refund, effect: EscrowEffect, *, now: dt.datetime
) -> int:
    """Book that a refund is final; return the entry's id.

    Raises:
        LedgerError: the ledger refused it; run it in a savepoint.
    """
    if refund.hold_id is None or refund.booked != "held":
        refund.hold_id = None
        make_room(session, money, amount=refund.amount, beside=refund.id, now=now)
    entry_id = book_chain_refund(
        session.connection(),
        money,
        refund_id=refund.id,
        amount=refund.amount,
        hold_id=refund.hold_id,
        number=effect.bookings + 1,
        occurred_at=effect.block_at,
        now=now,
    )
    refund.status, refund.booked, refund.failure_code = "succeeded", "refunded", None
    refund.occurred_at, refund.updated_at = effect.block_at, now
    return entry_id


def note_undone(refund: Refund, *, now: dt.datetime) -> None:
    """Its entry was reversed: ours may yet happen, somebody else's did not."""
    refund.booked, refund.hold_id = "nothing", None
    refund.status = "canceled" if refund.origin == BY_OTHERS else "pending"
    refund.occurred_at = refund.updated_at = now


def note_failed(session: Session, refund: Refund, *, code: str, now: dt.datetime) -> None:
    """It will not happen: what was reserved for it is free again."""
    had = refund.hold_id
    lose_hold(session, refund, now=now)
    refund.booked = "nothing" if had is None else "released"
    refund.hold_id = had
    refund.status, refund.failure_code = "failed", code
    refund.occurred_at = refund.updated_at = now
