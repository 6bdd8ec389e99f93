"""Posts entries: the one way into the journal, for one entry as for ten thousand.

A batch is written by one call of the database function `ledger.append_entries`
(migrations/sql/0001_ledger/3_posting.sql), all or nothing. Only when that refuses, the second
half of this module finds the entries that were meant and posts the others.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger.columns import columns
from ledger.entries import Entry, Posted, Refused, check_form, fingerprint
from ledger.errors import (
    ClosedPeriodError,
    EffectKeyReusedError,
    InsufficientFundsError,
    LedgerError,
    MalformedEntryError,
    UnbalancedError,
    UnknownAccountError,
)

MAX_BATCH = 10_000
NOTED = "ledger.posted"
"""Where in a connection's `info` a list is kept by whoever wants to know what is posted over it.

Kinds and effect keys are added to it; whether they are committed is not known here.
"""

Result = Posted | Refused

_APPEND = (
    "SELECT entry_ids, refusal FROM ledger.append_entries("
    "%s::text[], %s::bytea[], %s::text[], %s::timestamptz[], %s::text[], %s::text[]::jsonb[], "
    "%s::int[], %s::smallint[], %s::bigint[], %s::numeric[])"
)


def post(connection: Connection, entry: Entry) -> Posted:
    """Post one entry inside the caller's transaction.

    Returns the entry's id; `replayed` if the same effect was posted before.

    Raises:
        LedgerError: one of its subclasses for each reason; nothing was written, and the
            transaction can go on.
    """
    [result] = post_batch(connection, [entry])
    if isinstance(result, Refused):
        raise result.error
    return result


def post_batch(connection: Connection, entries: Sequence[Entry]) -> list[Result]:
    """Post up to 10,000 entries inside the caller's transaction; answers in the caller's order.

    Entries take effect in the order given. One that is refused is named by its `Refused` and does
    not keep the others from being posted; one that was posted before is `Posted(replayed=True)`.
    Strict accounts stay locked until the transaction ends, in the order of their ids; a deadlock
    with a transaction that posts twice is PostgreSQL's 40P01, and safe to run again.

    Raises:
        ValueError: more than 10,000 entries.
    """
    if len(entries) > MAX_BATCH:
        raise ValueError(f"a batch has at most {MAX_BATCH} entries")
    if not entries:
        return []
    try:
        entry_ids, _ = _append(connection, entries)
    except MalformedEntryError:
        entry_ids = None
    if entry_ids is not None:
        _note(connection, entries)
        return [Posted(entry_id) for entry_id in entry_ids]
    results = _post_what_can_be(connection, entries)
    both = zip(entries, results, strict=True)
    new = [entry for entry, told in both if isinstance(told, Posted) and not told.replayed]
    _note(connection, new)
    return results


def lock_accounts(connection: Connection, account_ids: Sequence[int]) -> None:
    """Lock the strict balances among these, in the order everybody uses, until commit."""
    connection.exec_driver_sql("SELECT ledger.lock_accounts(%s)", (list(account_ids),))


def _note(connection: Connection, entries: Sequence[Entry]) -> None:
    noted: list[tuple[str, str]] | None = connection.info.get(NOTED)
    if noted is not None:
        noted.extend((entry.kind, entry.effect_key) for entry in entries)


class _Refusal(NamedTuple):
    """Why the database refused a batch: its SQLSTATE, the constraint broken, and its words."""

    sqlstate: str
    constraint: str
    message: str


def _append(
    connection: Connection, entries: Sequence[Entry]
) -> tuple[list[int] | None, _Refusal | None]:
    """Write all entries and return their ids, or write none and return why."""
    entry_ids, refusal = connection.exec_driver_sql(_APPEND, columns(entries)).one()
    return entry_ids, None if refusal is None else _Refusal(**refusal)


# ---- when something is wrong ---------------------------------------------------------------------


def _post_what_can_be(connection: Connection, entries: Sequence[Entry]) -> list[Result]:
    results: dict[int, Result] = {}
    for index, entry in enumerate(entries):
        try:
            check_form(entry)
        except MalformedEntryError as error:
            results[index] = Refused(error)
    sound = [index for index in range(len(entries)) if index not in results]
    lock_accounts(connection, [a for index in sound for a, _ in entries[index].postings])
    known = _known_effects(connection, [entries[index].effect_key for index in sound])
    first_uses: dict[str, int] = {}
    for index in sound:
        key = entries[index].effect_key
        if key in known:
            results[index] = _replay_or_reuse(entries[index], known[key])
        else:
            first_uses.setdefault(key, index)
    _halve(connection, entries, list(first_uses.values()), results)
    for index in sound:  # the same key again in one batch: its first use may have been refused
        if index not in results:
            _halve(connection, entries, [index], results)
    return [results[index] for index in range(len(entries))]


def _halve(
    connection: Connection,
    entries: Sequence[Entry],
    indexes: list[int],
    results: dict[int, Result],
) -> None:
    """Post the entries at `indexes`; where that is refused, its first half and then its second."""
    if not indexes:
        return
    entry_ids, refusal = _append(connection, [entries[index] for index in indexes])
    if entry_ids is not None:
        results.update(zip(indexes, map(Posted, entry_ids), strict=True))
    elif len(indexes) > 1:
        middle = len(indexes) // 2
        _halve(connection, entries, indexes[:middle], results)
        _halve(connection, entries, indexes[middle:], results)
    elif refusal is not None:
        results[indexes[0]] = _explain(connection, entries[indexes[0]], refusal)


def _explain(connection: Connection, entry: Entry, refusal: _Refusal) -> Result:
    """Say why one entry was refused, or that another transaction has posted it meanwhile."""
    if refusal.constraint == "entries_effect_key":
        known = _known_effects(connection, [entry.effect_key])
        return _replay_or_reuse(entry, known[entry.effect_key])
    if refusal.constraint == "balances_floor":
        return Refused(_insufficient_funds(connection, entry))
    reasons: dict[str, type[LedgerError]] = {
        "LE001": UnbalancedError,
        "LE002": UnknownAccountError,
        "LE003": ClosedPeriodError,
        "23502": UnknownAccountError,  # an account without an asset: there is none
    }
    reason = reasons.get(refusal.sqlstate, MalformedEntryError)
    detail = _unknown_accounts(connection, entry) if refusal.sqlstate == "23502" else ""
    return Refused(reason(f"{entry.effect_key}: {detail or refusal.message}"))


def _known_effects(connection: Connection, keys: list[str]) -> dict[str, tuple[int, bytes]]:
    query = "SELECT effect_key, id, fingerprint FROM ledger.entries WHERE effect_key = ANY(%s)"
    return {
        row.effect_key: (row.id, bytes(row.fingerprint))
        for row in connection.exec_driver_sql(query, (keys,))
    }


def _replay_or_reuse(entry: Entry, known: tuple[int, bytes]) -> Result:
    entry_id, digest = known
    if digest == fingerprint(entry):
        return Posted(entry_id, replayed=True)
    return Refused(
        EffectKeyReusedError(
            f"{entry.effect_key} was posted before as entry {entry_id}, differently"
        )
    )


def _insufficient_funds(connection: Connection, entry: Entry) -> InsufficientFundsError:
    query = """
        SELECT a.path, a.asset, b.side * b.posted - b.held - b.floor AS free,
               b.side * m.amount AS change
          FROM unnest(%s::bigint[], %s::numeric[]) AS p (account_id, amount)
          JOIN ledger.balances b USING (account_id)
          JOIN (SELECT c.id, c.path, s.code AS asset FROM ledger.accounts c
                  JOIN ledger.assets s ON s.id = c.asset_id) a ON a.id = b.account_id
          CROSS JOIN LATERAL (SELECT p.amount) m
    """
    changes: dict[str, list[Any]] = {}
    accounts, amounts = zip(*entry.postings, strict=True)
    for row in connection.exec_driver_sql(query, (list(accounts), [str(a) for a in amounts])):
        if row.free is not None:
            changes.setdefault(f"{row.path} ({row.asset})", [row.free, 0])[1] += row.change
    short = [
        f"{name} has {free:f} free and would change by {change:f}"
        for name, (free, change) in changes.items()
        if free + change < 0
    ]
    return InsufficientFundsError(f"{entry.effect_key}: " + "; ".join(short))


def _unknown_accounts(connection: Connection, entry: Entry) -> str:
    query = "SELECT account_id FROM ledger.balances WHERE account_id = ANY(%s)"
    wanted = [account for account, _ in entry.postings]
    known = set(connection.exec_driver_sql(query, (wanted,)).scalars())
    missing = sorted(set(wanted) - known)
    return f"there is no account {', '.join(map(str, missing))}" if missing else ""
