"""Entries read back by their effects, with their postings."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection


class JournalLine(NamedTuple):
    """One posting: `amount` in minor units of `asset`, debit positive."""

    path: str
    asset: str
    amount: int


class JournalEntry(NamedTuple):
    """An entry as it stands in the journal."""

    id: int
    effect_key: str
    kind: str
    occurred_at: dt.datetime
    recorded_at: dt.datetime
    description: str | None
    metadata: Mapping[str, Any]
    lines: tuple[JournalLine, ...]


def entries_of_effects(connection: Connection, effect_keys: Sequence[str]) -> list[JournalEntry]:
    """Return the entries of those effects that were posted, oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT id, effect_key, kind, occurred_at, recorded_at, description, metadata"
        "  FROM ledger.entries WHERE effect_key = ANY(%s) ORDER BY id",
        (list(effect_keys),),
    ).all()
    lines: dict[int, list[JournalLine]] = {row.id: [] for row in rows}
    postings = connection.exec_driver_sql(
        "SELECT p.entry_id, a.path, s.code, p.amount::text AS amount FROM ledger.postings p"
        "  JOIN ledger.accounts a ON a.id = p.account_id"
        "  JOIN ledger.assets s ON s.id = a.asset_id"
        " WHERE p.entry_id = ANY(%s) ORDER BY p.entry_id, p.line",
        (list(lines),),
    )
    for posting in postings:
        line = JournalLine(posting.path, posting.code, int(posting.amount))
        lines[posting.entry_id].append(line)
    return [
        JournalEntry(
            id=row.id,
            effect_key=row.effect_key,
            kind=row.kind,
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
            description=row.description,
            metadata=row.metadata or {},
            lines=tuple(lines[row.id]),
        )
        for row in rows
    ]
