"""Entries read back by their effects, with their postings."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger.errors import UnknownAccountError, UnknownEntryError

_LINES = 1024  # entries are numbered by so much in `seq` of deferred accounts: 1_tables.sql


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


class AccountPosting(NamedTuple):
    """A posting of one account with what its entry says of itself.

    `seq` is its place in the account; `line` its place in the entry, from 1; `amount` in minor
    units, debit positive.
    """

    seq: int
    entry_id: int
    line: int
    amount: int
    effect_key: str
    kind: str
    occurred_at: dt.datetime
    metadata: Mapping[str, Any]


class AccountPostings(NamedTuple):
    """Postings in the order of `seq`, and up to which one nothing can come in between any more."""

    postings: tuple[AccountPosting, ...]
    settled_seq: int


_COLUMNS = "e.id, e.effect_key, e.kind, e.occurred_at, e.recorded_at, e.description, e.metadata"
_OF_EFFECTS = f"SELECT {_COLUMNS} FROM ledger.entries e WHERE e.effect_key = ANY(%s) ORDER BY e.id"  # noqa: S608 - nothing of it is input
_OF_IDS = f"SELECT {_COLUMNS} FROM ledger.entries e WHERE e.id = ANY(%s) ORDER BY e.id"  # noqa: S608 - nothing of it is input
_REVERSALS = (
    "SELECT (SELECT reverses_id FROM ledger.reversals WHERE entry_id = %s),"
    "       (SELECT entry_id FROM ledger.reversals WHERE reverses_id = %s)"
)
# The character after a colon is a semicolon: between the two lie the keys that begin so.
_OF_SUBJECTS = (
    f"SELECT {_COLUMNS} FROM unnest(%s::text[]) AS s (subject)"  # noqa: S608 - nothing of it is input
    "  JOIN ledger.entries e ON e.effect_key >= (s.subject || ':') COLLATE \"C\""
    "   AND e.effect_key < (s.subject || ';') COLLATE \"C\""
    " ORDER BY e.id"
)

# Postings of a strict account are numbered under its lock, without a gap.
_SETTLED = (
    "SELECT CASE b.mode WHEN 'strict' THEN b.version ELSE w.settled_to * %s + %s END"
    "  FROM ledger.balances b CROSS JOIN ledger.watermark w WHERE b.account_id = %s"
)
_OF_ACCOUNT = (
    "SELECT p.seq, p.entry_id, p.line, p.amount::text, e.effect_key, e.kind, e.occurred_at,"
    "       e.metadata"
    "  FROM ledger.postings p JOIN ledger.entries e ON e.id = p.entry_id"
    " WHERE p.account_id = %s AND p.seq > %s ORDER BY p.seq LIMIT %s"
)


def entries_of_effects(connection: Connection, effect_keys: Sequence[str]) -> list[JournalEntry]:
    """Return the entries of those effects that were posted, oldest first."""
    return _read(connection, _OF_EFFECTS, effect_keys)


def find_entry(connection: Connection, entry_id: int) -> JournalEntry:
    """Return one entry by its number.

    Raises:
        UnknownEntryError: there is no such entry.
    """
    entries = _read(connection, _OF_IDS, [entry_id])
    if not entries:
        raise UnknownEntryError(f"there is no entry {entry_id}")
    return entries[0]


def entries_of_ids(connection: Connection, entry_ids: Sequence[int]) -> list[JournalEntry]:
    """Return the entries with these numbers that exist, oldest first."""
    return _read(connection, _OF_IDS, entry_ids)


def reversals_of(connection: Connection, entry_id: int) -> tuple[int | None, int | None]:
    """Return the entry that an entry reverses, and the one that reverses it; None where none."""
    row = connection.exec_driver_sql(_REVERSALS, (entry_id, entry_id)).one()
    return row[0], row[1]


def entries_of_subjects(connection: Connection, subjects: Sequence[str]) -> list[JournalEntry]:
    """Return all entries whose effect keys begin with one of the subjects and a colon."""
    return _read(connection, _OF_SUBJECTS, subjects)


def postings_since(
    connection: Connection, account_id: int, after_seq: int, *, limit: int
) -> AccountPostings:
    """Return up to `limit` postings of an account after a place in it.

    A transaction that is still running may yet write postings before those returned, but none up
    to `settled_seq`: a reader may forget what it has read so far, and reads the rest again.

    Raises:
        UnknownAccountError: there is no such account.
    """
    # Read before the postings: what is settled by now is there for all later statements.
    settled = connection.exec_driver_sql(_SETTLED, (_LINES, _LINES - 1, account_id)).scalar()
    if settled is None:
        raise UnknownAccountError(f"there is no account {account_id}")
    rows = connection.exec_driver_sql(_OF_ACCOUNT, (account_id, after_seq, limit))
    return AccountPostings(
        tuple(
            AccountPosting(seq, entry_id, line, int(amount), key, kind, at, metadata or {})
            for seq, entry_id, line, amount, key, kind, at, metadata in rows
        ),
        settled,
    )


def _read(connection: Connection, query: str, names: Sequence[str | int]) -> list[JournalEntry]:
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
