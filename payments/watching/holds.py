"""What operations of ours reserve of an escrow's money: lost to what the chain did, and got back.

The chain decides who gets the money. When somebody else took it there, or the deposit is in no
block any more, nothing is left to be reserved; the operation itself ends when its transaction does.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from ledger.errors import InsufficientFundsError
from payments.accounting.chain_entries import (
    ChainMoney,
    free_in_escrow,
    next_hold_key,
    order_escrow_id,
)
from payments.lifecycle.tables import Refund
from payments.releases.tables import Release

OVER = ("posted", "failed", "canceled")

Operation = Release | Refund


def open_operations(session: Session, money: ChainMoney) -> list[Operation]:
    """Return the releases and refunds of an escrow that may yet happen, oldest first; locked."""
    releases = select(Release).where(
        Release.escrow_id == money.escrow_id, Release.status.not_in(OVER)
    )
    refunds = select(Refund).where(
        Refund.payment_id == money.payment_id, Refund.status == "pending"
    )
    found: list[Operation] = [
        *session.scalars(releases.order_by(Release.id).with_for_update()),
        *session.scalars(refunds.order_by(Refund.id).with_for_update()),
    ]
    return sorted(found, key=lambda row: (row.created_at, row.id))


def make_room(
    session: Session, money: ChainMoney, *, amount: int, beside: str, now: dt.datetime
) -> None:
    """Take back what newer operations reserve until `amount` is free, but not from `beside`."""
    for row in reversed(open_operations(session, money)):
        if free_in_escrow(session.connection(), money) >= amount:
            return
        if row.id != beside:
            lose_hold(session, row, now=now)


def lose_all(session: Session, money: ChainMoney, *, now: dt.datetime) -> None:
    """Take back whatever is reserved of an escrow's money."""
    for row in open_operations(session, money):
        lose_hold(session, row, now=now)


def lose_hold(session: Session, row: Operation, *, now: dt.datetime) -> None:
    """Take back what an operation reserves, if it does."""
    if row.hold_id is None:
        return
    ledger.void_hold(session.connection(), row.hold_id, now=now)
    row.hold_id, row.updated_at = None, now
    if isinstance(row, Refund):
        row.booked = "nothing"


def restore_holds(session: Session, money: ChainMoney, *, now: dt.datetime) -> None:
    """Reserve anew for operations that lost what they had, oldest first, as far as there is."""
    lacking: Sequence[Operation] = [
        row for row in open_operations(session, money) if row.hold_id is None
    ]
    connection = session.connection()
    for row in lacking:
        try:
            hold = ledger.place_hold(
                connection,
                effect_key=next_hold_key(connection, row.id),
                account_id=order_escrow_id(connection, money),
                amount=row.amount,
                now=now,
            )
        except InsufficientFundsError:
            continue
        row.hold_id, row.updated_at = hold.id, now
        if isinstance(row, Refund):
            row.booked = "held"
