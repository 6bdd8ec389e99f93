"""Queues the payout of what a release owes its seller, in the transaction that posts it."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.accounting.payouts import SellersMoney, hold_payable
from payments.identifiers import new_id
from payments.lifecycle.tables import Payment
from payments.payouts.choose_destination import CANNOT_PAY_OUT, destination_in_force
from payments.payouts.tables import SellerPayout
from payments.payouts.wake_up import wake_up

_REFERENCE_PREFIX = "PO"  # so that none looks like a buyer's reference
_REFERENCE_LENGTH = 18  # so much reaches every bank: the UK's Faster Payments take no more


def queue_payout(
    session: Session,
    *,
    release_id: str,
    payment: Payment,
    seller_id: str,
    amount: int,
    now: dt.datetime,
) -> SellerPayout:
    """Hold `amount` of what is owed to the seller and have it paid to them; once for a release.

    Whoever took the payment's money pays it out. Without a destination the payout waits for one;
    where its provider cannot pay out, it has failed, and the money stays owed.

    Raises:
        InsufficientFundsError: the release did not credit that much to the seller before.
    """
    payout = SellerPayout(
        id=new_id("pyo", now=now),
        release_id=release_id,
        order_id=payment.order_id,
        payment_id=payment.id,
        seller_id=seller_id,
        provider=payment.provider,
        amount=amount,
        amount_paid=0,
        currency=payment.currency,
        status="failed",
        attempts=0,
        looks=0,
        created_at=now,
        updated_at=now,
    )
    if payment.provider in CANNOT_PAY_OUT:
        payout.failure_code = "provider_cannot_pay_out"
    else:
        hold_and_queue(session, payout, now=now)
    session.add(payout)
    session.flush()
    return payout


def hold_and_queue(session: Session, payout: SellerPayout, *, now: dt.datetime) -> None:
    """Hold what of a payout is not paid, and have it sent as soon as there is a destination.

    Raises:
        InsufficientFundsError: less than that is owed to the seller and free.
    """
    money = money_of(payout, number=payout.attempts + 1, amount=payout.amount - payout.amount_paid)
    hold_id = hold_payable(session.connection(), money, now=now)
    with session.no_autoflush:  # it is whole again only when it has its status, too
        payout.hold_id, payout.failure_code, payout.looks = hold_id, None, 0
        queue_or_wait(session, payout, now=now)


def queue_or_wait(session: Session, payout: SellerPayout, *, now: dt.datetime) -> None:
    """Have a payout that is held sent now, or let it wait for a destination."""
    destination = destination_in_force(
        session,
        party_id=payout.seller_id,
        provider=payout.provider,
        currency=payout.currency,
        now=now,
    )
    payout.destination_id = None if destination is None else destination.id
    payout.status = "waiting" if destination is None else "queued"
    payout.due_at = None if destination is None else now
    payout.updated_at = now
    if destination is not None:
        wake_up(session, now=now)


def money_of(
    payout: SellerPayout, *, number: int, amount: int, provider_ref: str | None = None
) -> SellersMoney:
    """Return the money of one time a payout is sent, for its entries."""
    return SellersMoney(
        payout_id=payout.id,
        number=number,
        order_id=payout.order_id,
        payment_id=payout.payment_id,
        seller_id=payout.seller_id,
        provider=payout.provider,
        provider_ref=provider_ref,
        reference=reference_of(payout.id),
        amount=amount,
        currency=payout.currency,
    )


def reference_of(payout_id: str) -> str:
    """Return what a seller's statement quotes of a payout."""
    return _REFERENCE_PREFIX + payout_id[len(_REFERENCE_PREFIX) - _REFERENCE_LENGTH :]
