"""Posts entries: the one way into the journal, for one entry as for ten thousand.

A batch is written by one call of the database function `ledger.append_entries`
(migrations/sql/0001_ledger/3_posting.sql), all or nothing. Only when that refuses, the second
half of this module finds the entries that were meant and posts the others.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

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
    prints = [_print_or_none(entry) for entry in entries]
    if entries and None not in prints:
        entry_ids, _ = _append(connection, entries, prints)  # type: ignore[arg-type] # no None left
        if entry_ids is not None:
            return [Posted(entry_id) for entry_id in entry_ids]
    return _post_what_can_be(connection, entries, prints)


class Refusal(NamedTuple):
    """Why the database refused a batch: its SQLSTATE, the constraint broken, and its words."""

    sqlstate: str
    constraint: str
    message: str


def _print_or_none(entry: Entry) -> bytes | None:
    try:
        check_form(entry)
    except MalformedEntryError:
        return None
    return fingerprint(entry)


def _append(
    connection: Connection, entries: Sequence[Entry], prints: Sequence[bytes]
) -> tuple[list[int] | None, Refusal | None]:
    """Write all entries or none. Arrays go as text, which is several times faster than lists."""
    of_entry: list[str] = []
    of_line: list[str] = []
    accounts: list[int] = []
    amounts: list[int] = []
    for number, entry in enumerate(entries, 1):
        for line, (account_id, amount) in enumerate(entry.postings, 1):
            of_entry.append(str(number))
            of_line.append(str(line))
            accounts.append(account_id)
            amounts.append(amount)
    parameters = (
        [entry.effect_key for entry in entries],
        "{" + ",".join([f'"\\\\x{digest.hex()}"' for digest in prints]) + "}",
        [entry.kind for entry in entries],
        "{" + ",".join([entry.occurred_at.isoformat() for entry in entries]) + "}",
        [entry.description for entry in entries],
        [None if entry.metadata is None else json.dumps(entry.metadata) for entry in entries],
        "{" + ",".join(of_entry) + "}",
        "{" + ",".join(of_line) + "}",
        "{" + ",".join(map(str, accounts)) + "}",
        "{" + ",".join(map(str, amounts)) + "}",
    )
    entry_ids, refusal = connection.exec_driver_sql(_APPEND, parameters).one()
    return entry_ids, None if refusal is None else Refusal(**refusal)


# ---- when something is wrong ---------------------------------------------------------------------


def _post_what_can_be(
    connection: Connection, entries: Sequence[Entry], prints: Sequence[bytes | None]
) -> list[Result]:
    accounts = {account for entry in entries for account, _ in entry.postings}
    lock_accounts(connection, [account for account in accounts if type(account) is int])
    results: dict[int, Result] = {}
    fresh: list[int] = []
    known = _known_effects(connection, [entry.effect_key for entry in entries])
    first_use: dict[str, int] = {}
    again: list[int] = []
    for index, (entry, digest) in enumerate(zip(entries, prints, strict=True)):
        if digest is None:
            results[index] = _malformed(entry)
        elif entry.effect_key in known:
            results[index] = _replay_or_reuse(entry, digest, known[entry.effect_key])
        elif entry.effect_key in first_use:
            again.append(index)
        else:
            first_use[entry.effect_key] = index
            fresh.append(index)
    _halve(connection, entries, prints, fresh, results)
    for index in again:  # the same key twice in one batch: the first use may have been refused
        _halve(connection, entries, prints, [index], results)
    return [results[index] for index in range(len(entries))]


def _halve(
    connection: Connection,
    entries: Sequence[Entry],
    prints: Sequence[bytes | None],
    indexes: list[int],
    results: dict[int, Result],
) -> None:
    """Post `indexes`; where that is refused, its first half and then its second."""
    if not indexes:
        return
    digests = [digest for index in indexes if (digest := prints[index]) is not None]
    entry_ids, refusal = _append(connection, [entries[index] for index in indexes], digests)
    if entry_ids is not None:
        results.update(zip(indexes, map(Posted, entry_ids), strict=True))
    elif len(indexes) > 1:
        middle = len(indexes) // 2
        _halve(connection, entries, prints, indexes[:middle], results)
        _halve(connection, entries, prints, indexes[middle:], results)
    elif refusal is not None:
        results[indexes[0]] = _explain(connection, entries[indexes[0]], digests[0], refusal)


def _explain(connection: Connection, entry: Entry, digest: bytes, refusal: Refusal) -> Result:
    """Say why one entry was refused, or that another transaction has posted it meanwhile."""
    if refusal.constraint == "entries_effect_key":
        known = _known_effects(connection, [entry.effect_key])
        return _replay_or_reuse(entry, digest, known[entry.effect_key])
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


def _malformed(entry: Entry) -> Refused:
    try:
        check_form(entry)
    except MalformedEntryError as error:
        return Refused(error)
    raise AssertionError("unreachable")


def _known_effects(connection: Connection, keys: list[str]) -> dict[str, tuple[int, bytes]]:
    query = "SELECT effect_key, id, fingerprint FROM ledger.entries WHERE effect_key = ANY(%s)"
    keys = [key for key in keys if "\x00" not in key]
    return {
        row.effect_key: (row.id, bytes(row.fingerprint))
        for row in connection.exec_driver_sql(query, (keys,))
    }


def _replay_or_reuse(entry: Entry, digest: bytes, known: tuple[int, bytes]) -> Result:
    entry_id, known_digest = known
    if digest == known_digest:
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


def lock_accounts(connection: Connection, account_ids: Sequence[int]) -> None:
    """Lock the strict balances among these, in the order everybody uses, until commit."""
    connection.exec_driver_sql("SELECT ledger.lock_accounts(%s)", (list(account_ids),))
