"""How far a chain was read, loaded and written."""

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.escrow.tables import Escrow, EscrowEffect
from payments.watching.read_chain import KEPT, KeptBlock, Place, Reading
from payments.watching.tables import ChainBlock, ChainCursor


def load_place(session: Session, cursor: ChainCursor) -> Place:
    """Return how far the chain of a cursor was read."""
    kept = select(ChainBlock).filter_by(chain=cursor.chain)
    oldest = cursor.scanned_to - KEPT
    happened = (
        select(EscrowEffect.block_number)
        .join(Escrow, Escrow.id == EscrowEffect.escrow_id)
        .where(
            Escrow.chain == cursor.chain,
            EscrowEffect.block_number > oldest,
            EscrowEffect.state != "orphaned",
        )
        .distinct()
    )
    return Place(
        scanned_to=cursor.scanned_to,
        final_to=cursor.final_to,
        blocks={row.number: KeptBlock(row.hash, row.at) for row in session.scalars(kept)},
        seen_at=session.scalars(happened).all(),
    )


def save_place(session: Session, chain: str, reading: Reading, *, now: dt.datetime) -> None:
    """Write how far the chain was read, and the blocks that tell a reorganisation."""
    cursor = session.get_one(ChainCursor, chain, populate_existing=True)
    cursor.scanned_to, cursor.final_to = reading.scanned_to, reading.final_to
    if reading.final_at is not None:
        cursor.final_at = max(cursor.final_at, reading.final_at)
    cursor.scanned_at, cursor.error = now, None
    blocks = ChainBlock.__table__.c
    gone = (blocks.number > reading.ancestor) | (blocks.number <= reading.scanned_to - KEPT)
    if reading.blocks or reading.was_reorganised:
        session.execute(delete(ChainBlock).where(blocks.chain == chain, gone))
    rows = [
        {"chain": chain, "number": number, "hash": block.hash, "at": block.at}
        for number, block in reading.blocks.items()
    ]
    if rows:
        session.execute(insert(ChainBlock), rows)
