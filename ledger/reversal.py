"""Correcting an entry: never by change, always by its exact mirror, once."""

import datetime as dt

from sqlalchemy import Connection

from ledger.entries import Entry, Posted, Posting
from ledger.errors import EffectKeyReusedError, UnknownEntryError
from ledger.posting import post


def reverse(
    connection: Connection, entry_id: int, *, occurred_at: dt.datetime, description: str
) -> Posted:
    """Post the mirror of an entry inside the caller's transaction.

    Reversing the same entry again returns the first reversal, whatever its date.

    Raises:
        UnknownEntryError: there is no such entry.
        InsufficientFundsError, ClosedPeriodError: as for every entry.
    """
    original = connection.exec_driver_sql(
        "SELECT effect_key, kind FROM ledger.entries WHERE id = %s", (entry_id,)
    ).one_or_none()
    if original is None:
        raise UnknownEntryError(f"there is no entry {entry_id}")
    reversal_id = _reversal_of(connection, entry_id)
    if reversal_id is not None:
        return Posted(reversal_id, replayed=True)
    lines = connection.exec_driver_sql(
        "SELECT account_id, amount FROM ledger.postings WHERE entry_id = %s ORDER BY line",
        (entry_id,),
    )
    mirror = Entry(
        effect_key=f"{original.effect_key}:reversed",
        kind=f"{original.kind}.reversed",
        occurred_at=occurred_at,
        postings=[Posting(line.account_id, -int(line.amount)) for line in lines],
        description=description,
    )
    try:
        posted = post(connection, mirror)
    except EffectKeyReusedError:  # another transaction reversed it meanwhile, with another date
        reversal_id = _reversal_of(connection, entry_id)
        if reversal_id is None:
            raise
        return Posted(reversal_id, replayed=True)
    if not posted.replayed:
        connection.exec_driver_sql(
            "SELECT ledger.link_reversal(%s, %s)", (posted.entry_id, entry_id)
        )
    return posted


def _reversal_of(connection: Connection, entry_id: int) -> int | None:
    query = "SELECT entry_id FROM ledger.reversals WHERE reverses_id = %s"
    value = connection.exec_driver_sql(query, (entry_id,)).scalar_one_or_none()
    return None if value is None else int(value)
