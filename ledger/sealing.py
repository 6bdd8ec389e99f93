"""Seals: a hash chain over the journal, made after the fact and checked by anyone.

The exact text that is hashed is described in migrations/sql/0001_ledger/8_sealing.sql.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from ledger.rolling import advance_watermark

BLOCK_ENTRIES = 5_000


class Seal(NamedTuple):
    """The seal of one block of entries; keep `chain_hash` outside the database as an anchor."""

    number: int
    upto_entry: int
    entry_count: int
    chain_hash: bytes


class BrokenSeal(NamedTuple):
    """A seal that no longer fits the entries it covers, and what does not fit."""

    number: int
    reason: str


def seal(engine: Engine, *, block_entries: int = BLOCK_ENTRIES) -> int:
    """Seal all settled entries in blocks; return how many were sealed.

    Entries being written at this moment are left for a later call.
    """
    with engine.begin() as connection:
        advance_watermark(connection)
    with engine.begin() as connection:
        advance_watermark(connection)
    sealed = 0
    while True:
        with engine.begin() as connection:
            query = "SELECT ledger.seal_next(%s)"
            count = int(connection.exec_driver_sql(query, (block_entries,)).scalar_one())
        if count == 0:
            return sealed
        sealed += count


def last_seal(connection: Connection) -> Seal | None:
    """Return the newest seal."""
    row = connection.exec_driver_sql(
        "SELECT number, upto_entry, entry_count, chain_hash"
        "  FROM ledger.seals ORDER BY number DESC LIMIT 1"
    ).one_or_none()
    if row is None:
        return None
    return Seal(row.number, row.upto_entry, row.entry_count, bytes(row.chain_hash))


def broken_seals(
    connection: Connection, *, anchor: tuple[int, bytes] | None = None, after: int = 0
) -> Iterator[BrokenSeal]:
    """Recompute every seal from the journal and yield those that do not fit.

    `anchor` is the number and chain hash of a seal noted down outside the database; it shows a
    chain that was made anew as a whole. `after` is the number of a seal that is taken as it is:
    only those after it are recomputed.
    """
    before, upto = _start_after(connection, after)
    number = after
    query = (
        "SELECT s.*, b.entry_count AS found, b.hash, ledger.chain(%s, b.hash) AS chain"
        "  FROM ledger.seals s, ledger.block(s.from_entry, s.upto_entry) b WHERE s.number = %s"
    )
    seen_anchor = anchor is None
    while row := connection.exec_driver_sql(query, (before, number + 1)).one_or_none():
        number, upto_before, upto = row.number, upto, row.upto_entry
        if row.from_entry != upto_before:
            yield BrokenSeal(number, f"it begins after entry {row.from_entry}, not {upto_before}")
        if row.found != row.entry_count:
            yield BrokenSeal(
                number, f"{row.entry_count} entries were sealed, {row.found} are there"
            )
        elif bytes(row.hash) != bytes(row.block_hash):
            yield BrokenSeal(number, f"an entry up to {row.upto_entry} was changed")
        elif bytes(row.chain) != bytes(row.chain_hash):
            yield BrokenSeal(number, "the chain does not follow from the seal before")
        before = bytes(row.chain_hash)
        if anchor is not None and number == anchor[0]:
            seen_anchor = True
            if before != anchor[1]:
                yield BrokenSeal(number, "it differs from the anchor: the chain was made anew")
    if anchor is not None and not seen_anchor:
        yield BrokenSeal(anchor[0], "the seal of the anchor is missing")
    stored = int(connection.exec_driver_sql("SELECT count(*) FROM ledger.seals").scalar_one())
    if stored != number:
        yield BrokenSeal(number + 1, "a seal is missing")


def _start_after(connection: Connection, number: int) -> tuple[bytes | None, int]:
    """Return the chain hash of a seal and the last entry it covers; of none, the beginning."""
    row = connection.exec_driver_sql(
        "SELECT chain_hash, upto_entry FROM ledger.seals WHERE number = %s", (number,)
    ).one_or_none()
    return (None, 0) if row is None else (bytes(row.chain_hash), row.upto_entry)
