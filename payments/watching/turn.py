"""Who watches a chain: one at a time, and whoever lost the turn writes nothing more."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.chain_settings import ChainSettings
from payments.watching.errors import ChainIdChangedError, TurnLostError
from payments.watching.tables import ChainCursor

_LOCK = "hashtextextended('strongroom.watching:' || %s, 0)"
_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@contextmanager
def holding_turn(engine: Engine, chain: str) -> Iterator[bool]:
    """Hold the only turn there is for a chain for the length of the block; False: another has it.

    PostgreSQL takes it back as soon as this process or its connection ends: that it is still ours
    is asked in every transaction that writes, see `check_turn`.
    """
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        query = f"SELECT pg_try_advisory_lock({_LOCK})"
        taken = connection.exec_driver_sql(query, (chain,)).scalar_one()
        try:
            yield bool(taken)
        finally:
            if taken:
                with suppress(DBAPIError):  # then the connection is gone, and the turn with it
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})", (chain,))


def begin_turn(session: Session, settings: ChainSettings, *, now: dt.datetime) -> ChainCursor:
    """Return the chain's cursor with the number of a new turn; older turns are over.

    Raises:
        ChainIdChangedError: another chain was read under this name before.
    """
    before = settings.start_block - 1
    opened = insert(ChainCursor).values(
        chain=settings.name,
        chain_id=settings.chain_id,
        scanned_to=before,
        final_to=before,
        final_at=_LONG_AGO,
        turn=1,
        scanned_at=now,
    )
    cursor = session.scalars(
        opened.on_conflict_do_update(
            index_elements=["chain"], set_={"turn": ChainCursor.turn + 1}
        ).returning(ChainCursor),
        execution_options={"populate_existing": True},
    ).one()
    if cursor.chain_id != settings.chain_id:
        raise ChainIdChangedError(
            f"The chain {settings.name} was read as {cursor.chain_id} before; the settings say"
            f" {settings.chain_id}. Give another chain another name."
        )
    return cursor


def check_turn(session: Session, *, chain: str, turn: int) -> None:
    """Keep the turn until the transaction ends.

    Raises:
        TurnLostError: somebody else has begun one.
    """
    current = session.scalar(
        select(ChainCursor.turn).where(ChainCursor.chain == chain).with_for_update(read=True)
    )
    if current != turn:
        raise TurnLostError(f"Somebody else watches {chain} now.")


def note_error(session: Session, *, chain: str, error: str | None) -> None:
    """Keep beside the cursor why the chain is not read on; None: it is."""
    cursor = session.get(ChainCursor, chain, populate_existing=True)
    if cursor is not None and cursor.error != error:
        cursor.error = error
