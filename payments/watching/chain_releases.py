"""Releases as the chain made them: ours, and those of the depositor or the arbiter."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from payments.accounting.chain_entries import ChainMoney, numbered
from payments.accounting.entries import build_entry
from payments.accounting.releases import KIND, chain_release_lines
from payments.escrow.tables import Escrow, EscrowEffect
from payments.identifiers import new_id
from payments.log_lines import get_logger
from payments.orders.tables import Order
from payments.releases.parts import parts_of
from payments.releases.tables import Release
from payments.watching.holds import lose_hold, make_room

_log = get_logger(__name__)

BY_OTHERS = "chain"
"""The origin of a release that we did not ask for."""


def release_of(
    session: Session, escrow: Escrow, effect: EscrowEffect, *, now: dt.datetime
) -> Release:
    """Return the release that an effect is: the one we asked for, or a row made for it."""
    same = select(Release).filter_by(
        escrow_id=escrow.id, operation_id=effect.operation_id, amount=effect.amount
    )
    by = f"chain:{effect.actor}"
    for row in session.scalars(same.with_for_update()):
        is_ours = row.origin != BY_OTHERS and effect.actor == escrow.operator
        if is_ours or row.requested_by == by:
            return row
    if effect.actor == escrow.operator:
        _log.error("operation_unknown", escrow_id=escrow.id, operation=effect.operation_id)
    parts = parts_of(session, session.get_one(Order, escrow.order_id), effect.amount)
    row = Release(
        id=new_id("rel", now=now),
        order_id=escrow.order_id,
        payment_id=escrow.payment_id,
        escrow_id=escrow.id,
        operation_id=effect.operation_id,
        origin=BY_OTHERS,
        seller_id=escrow.seller_id,
        amount=effect.amount,
        currency=escrow.asset,
        platform_fee=parts.platform_fee,
        tax=parts.tax,
        set_off=0,
        status="mined",
        needs_approval=False,
        requested_by=by,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    return row


def book(
    session: Session, money: ChainMoney, release: Release, effect: EscrowEffect, *, now: dt.datetime
) -> int:
    """Book that a release is final; return the entry's id.

    Raises:
        LedgerError: the ledger refused it; run it in a savepoint.
    """
    connection = session.connection()
    if not _holds(session, release):
        release.hold_id = None
        make_room(session, money, amount=release.amount, beside=release.id, now=now)
    entry = build_entry(
        connection,
        chain_release_lines(
            order_id=release.order_id,
            seller_id=release.seller_id,
            chain=money.chain,
            contract=money.contract,
            asset=money.asset,
            amount=release.amount,
            platform_fee=release.platform_fee,
            tax=release.tax,
        ),
        effect_key=numbered(f"{release.id}:posted", effect.bookings + 1),
        kind=KIND,
        occurred_at=effect.block_at,
        description="Released to the seller on chain",
        metadata={**money.metadata, "release_id": release.id, "subject_id": release.id},
    )
    if release.hold_id is None:
        entry_id = ledger.post(connection, entry).entry_id
    else:
        entry_id = ledger.capture_hold(
            connection, release.hold_id, entry, amount=release.amount, now=now
        ).entry_id
    release.status, release.posted_at, release.updated_at = "posted", effect.block_at, now
    release.failure_code = release.failure_message = None
    return entry_id


def note_undone(release: Release, *, now: dt.datetime) -> None:
    """Its entry was reversed: ours may yet happen, somebody else's did not."""
    release.status = "canceled" if release.origin == BY_OTHERS else "broadcast"
    release.posted_at, release.hold_id, release.updated_at = None, None, now


def note_failed(
    session: Session, release: Release, *, code: str, message: str, now: dt.datetime
) -> None:
    """It will not happen: what was reserved for it is free again."""
    lose_hold(session, release, now=now)
    release.status, release.failure_code, release.failure_message = "failed", code, message
    release.updated_at = now


def _holds(session: Session, release: Release) -> bool:
    """Whether its money is still reserved."""
    if release.hold_id is None:
        return False
    return ledger.find_hold(session.connection(), release.hold_id).state == "open"
