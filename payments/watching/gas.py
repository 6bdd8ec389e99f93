"""Books what our transactions cost, once they are final, and undoes what a reorganisation undid."""

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payments.accounting.chain_entries import Gas, book_gas, undo
from payments.chain.tables import ChainIntent
from payments.chain_settings import ChainSettings

AT_ONCE = 500


def book_spent_gas(session: Session, settings: ChainSettings, *, now: dt.datetime) -> int:
    """Book up to 500 final transactions that cost something; return how many.

    Raises:
        LedgerError: the ledger refused one of them.
    """
    found = (
        select(ChainIntent)
        .where(
            ChainIntent.chain == settings.name,
            ChainIntent.state.in_(("final", "failed")),
            ChainIntent.gas_paid > 0,
            ChainIntent.gas_entry_id.is_(None),
        )
        .order_by(ChainIntent.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    rows = session.scalars(found).all()
    if not rows:
        return 0
    spent = [
        Gas(
            intent_id=row.id,
            signer=row.signer,
            amount=row.gas_paid or 0,
            number=row.gas_bookings + 1,
        )
        for row in rows
    ]
    entries = book_gas(
        session.connection(),
        spent,
        chain=settings.name,
        asset=settings.native_asset,
        occurred_at=now,
    )
    for row, entry_id in zip(rows, entries, strict=True):
        row.gas_entry_id = entry_id
        row.gas_bookings += 1
    return len(rows)


def undo_gas(session: Session, chain: str, *, from_block: int, now: dt.datetime) -> int:
    """Undo what was booked of transactions at or above a block; return how many there were.

    Whoever sends them may have noticed first: then they are in no block any more.
    """
    is_gone = or_(
        ChainIntent.block_number >= from_block, ChainIntent.state.not_in(("final", "failed"))
    )
    found = (
        select(ChainIntent)
        .where(ChainIntent.chain == chain, is_gone, ChainIntent.gas_entry_id.is_not(None))
        .order_by(ChainIntent.gas_entry_id.desc())
        .with_for_update()
    )
    rows = session.scalars(found).all()
    for row in rows:
        if row.gas_entry_id is not None:
            undo(session.connection(), row.gas_entry_id, now=now)
        row.gas_entry_id = None
    session.flush()
    return len(rows)
