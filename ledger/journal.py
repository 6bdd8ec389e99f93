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


_COLUMNS = "e.id, e.effect_key, e.kind, e.occurred_at, e.recorded_at, e.description, e.metadata"
_OF_EFFECTS = f"SELECT {_COLUMNS} FROM ledger.entries e WHERE e.effect_key = ANY(%s) ORDER BY e.id"  # noqa: S608 - nothing of it is input
# The character after a colon is a semicolon: between the two lie the keys that begin so.
_OF_SUBJECTS = (
    f"SELECT {_COLUMNS} FROM unnest(%s::text[]) AS s (subject)"  # noqa: S608 - nothing of it is input
    "  JOIN ledger.entries e ON e.effect_key >= (s.subject || ':') COLLATE \"C\""
    "   AND e.effect_key < (s.subject || ';') COLLATE \"C\""
    " ORDER BY e.id"
)


def entries_of_effects(connection: Connection, effect_keys: Sequence[str]) -> list[JournalEntry]:
    """Return the entries of those effects that were posted, oldest first."""
    return _read(connection, _OF_EFFECTS, effect_keys)


def entries_of_subjects(connection: Connection, subjects: Sequence[str]) -> list[JournalEntry]:
    """Return all entries whose effect keys begin with one of the subjects and a colon."""
    return _read(connection, _OF_SUBJECTS, subjects)


def _read(connection: Connection, query: str, names: Sequence[str]) -> list[JournalEntry]:
    rows = connection.exec_driver_sql(query, (list(names),)).all()
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
