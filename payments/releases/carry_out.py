"""Carries a release out that everybody agreed to, in the transaction that says so.

Card and bank money is posted and its payout queued; on chain, the transaction is queued that pays
the seller, and the entry follows when that is final.
"""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy.orm import Session

from payments.accounting.debts import lock_debt
from payments.accounting.releases import ReleaseBooking, book_release
from payments.chain import intents
from payments.errors import UnavailableError
from payments.escrow.tables import Escrow
from payments.lifecycle.tables import Payment
from payments.payouts.queue_payout import queue_payout
from payments.providers.chain_port import ChainPort
from payments.releases.tables import Release


def carry_out(
    session: Session,
    release: Release,
    payment: Payment,
    escrow: Escrow | None,
    *,
    ports: Mapping[str, ChainPort],
    now: dt.datetime,
) -> None:
    """Post an approved release or have it sent; whoever calls shares the releases lock.

    Raises:
        UnavailableError: its chain is not set up here.
        LedgerError: the ledger refused it.
    """
    if escrow is None:
        _post(session, release, payment, now=now)
    else:
        _send(session, release, escrow, ports=ports, now=now)


def _post(session: Session, release: Release, payment: Payment, *, now: dt.datetime) -> None:
    connection = session.connection()
    owed = lock_debt(connection, release.seller_id, release.currency)
    rest = release.amount - release.platform_fee - release.tax
    release.set_off = min(max(owed, 0), rest)
    booking = ReleaseBooking(
        id=release.id,
        payment_id=release.payment_id,
        order_id=release.order_id,
        seller_id=release.seller_id,
        currency=release.currency,
        amount=release.amount,
        platform_fee=release.platform_fee,
        tax=release.tax,
        set_off=release.set_off,
    )
    if release.hold_id is None:
        raise AssertionError("what is held for a release of our money is never let go")
    book_release(connection, booking, hold_id=release.hold_id, occurred_at=now, now=now)
    release.status, release.posted_at, release.updated_at = "posted", now, now
    session.flush()
    if booking.seller_amount:
        queue_payout(
            session,
            release_id=release.id,
            payment=payment,
            seller_id=release.seller_id,
            amount=booking.seller_amount,
            now=now,
        )


def _send(
    session: Session,
    release: Release,
    escrow: Escrow,
    *,
    ports: Mapping[str, ChainPort],
    now: dt.datetime,
) -> None:
    port = ports.get(escrow.chain)
    if port is None or release.operation_id is None:
        raise UnavailableError(f"The chain {escrow.chain} is not set up here.")
    intents.queue(
        session,
        chain=escrow.chain,
        signer=escrow.operator,
        kind="release",
        subject_id=release.id,
        to=escrow.contract_address,
        calldata=port.encode_release(release.operation_id, release.amount),
        asset=escrow.asset,
        amount=release.amount,
        now=now,
    )
