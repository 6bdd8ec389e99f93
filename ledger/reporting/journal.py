"""The journal: every line of every entry, in the order of their numbers.

It is read a few thousand entries at a time, by their numbers: no sort of the whole, the same memory
however long it is, and every page begins where the one before ended. Entries and their lines are
read apart, so that what an entry says of itself is not sent once for each of its lines.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger.assets import assets
from ledger.reporting.chosen import Chosen, in_books, in_period, of_accounts
from ledger.reporting.reading import fetch, read
from ledger.reporting.rows import JournalRow
from ledger.reporting.scope import Scope

ENTRIES_AT_A_TIME = 4_000
FEW_ACCOUNTS = 100
"""The entries of so many accounts are found through their postings, those of more by reading on."""
_SPARSE = 100  # of so many numbers one is wanted: then each entry's lines are looked up

_NEXT = """
    SELECT max(id) FROM (
      SELECT id FROM ledger.entries WHERE id > %s AND id <= %s ORDER BY id LIMIT %s) next
"""
_HEADERS = """
    SELECT e.id, e.effect_key, e.kind, e.occurred_at, e.recorded_at, e.description, r.reverses_id
      FROM ledger.entries e LEFT JOIN ledger.reversals r ON r.entry_id = e.id
     WHERE {chosen}
"""
_LINES = """
    SELECT p.entry_id, p.line, a.path, p.asset_id, p.amount::text
      FROM ledger.postings p JOIN ledger.accounts a ON a.id = p.account_id
     WHERE {chosen} ORDER BY p.entry_id, p.line
"""
_TOUCHES = """
    EXISTS (SELECT FROM ledger.postings p JOIN ledger.accounts a ON a.id = p.account_id
             WHERE p.entry_id = e.id AND p.entry_id > %s AND p.entry_id <= %s AND {chosen})
"""
_ACCOUNTS = "SELECT a.id FROM ledger.accounts a WHERE {chosen} LIMIT %s"
_TOUCHING = """
    SELECT DISTINCT entry_id FROM ledger.postings
     WHERE account_id = ANY (%s) AND entry_id > %s ORDER BY entry_id
"""
# Where the totals say that entries of the period are; what is not totaled yet may be any.
_BOUNDS = """
    SELECT min(t.first_entry) - 1, max(t.last_entry),
           (SELECT totaled_to FROM ledger.daily_totals_cursor)
      FROM ledger.daily_totals t WHERE t.grain = 'day' AND {chosen}
"""
_LAST = 2**63 - 1

_row = partial(tuple.__new__, JournalRow)  # several times faster than to call it with twelve values


class _Stretch(NamedTuple):
    """Entries to look at: after one number up to another, or of these only some."""

    after: int
    upto: int
    ids: Sequence[int] | None = None


def journal(
    connection: Connection,
    scope: Scope,
    *,
    account: str | None = None,
    control: str | None = None,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Iterator[JournalRow]:
    """Yield the lines of the entries of the period, in the order of entry and line.

    With `account` (a path and all under it) or `control` (exactly that control account) whole
    entries that touch it: a journal always balances, in each asset. `after` is the entry and line
    that the caller has already; at most `limit` lines come.
    """
    begun = after or (0, 0)
    rows = _rows(connection, scope, of_accounts(account, control), begun, limit)
    if after is not None:
        rows = (row for row in rows if (row.entry_id, row.line) > begun)
    return rows if limit is None else islice(rows, limit)


def _rows(
    connection: Connection,
    scope: Scope,
    accounts: Chosen,
    begun: tuple[int, int],
    limit: int | None,
) -> Iterator[JournalRow]:
    codes = {asset.id: asset.code for asset in assets(connection).values()}
    after = begun[0] - 1 if begun[1] else begun[0]  # lines of that entry may be missing yet
    size = min(ENTRIES_AT_A_TIME, limit or ENTRIES_AT_A_TIME)
    few = _few(connection, accounts)
    if few is None:
        stretches = _by_number(connection, scope, after, size)
    else:
        stretches = _by_account(connection, few, after, size)
    for stretch in stretches:
        touching = accounts if few is None else Chosen("true", ())
        headers = _headers(connection, scope, stretch, touching)
        if not headers:
            continue
        for entry_id, line, path, asset_id, text in _lines(connection, scope, stretch, headers):
            header = headers.get(entry_id)
            if header is not None:
                amount = int(text)
                sides = (amount, 0) if amount > 0 else (0, -amount)
                yield _row((*header, line, path, codes[asset_id], *sides))


def _few(connection: Connection, accounts: Chosen) -> list[int] | None:
    """Return the ids of the accounts asked for; None when they are all or many."""
    if not accounts.values:
        return None
    query = _ACCOUNTS.format(chosen=accounts.sql)
    values = (*accounts.values, FEW_ACCOUNTS + 1)
    ids = list(connection.exec_driver_sql(query, values).scalars())
    return ids if len(ids) <= FEW_ACCOUNTS else None


def _by_account(
    connection: Connection, accounts: list[int], after: int, size: int
) -> Iterator[_Stretch]:
    """Yield the entries that touch the accounts."""
    found = (row[0] for row in read(connection, _TOUCHING, (accounts, after)))
    while ids := list(islice(found, size)):
        yield _Stretch(ids[0] - 1, ids[-1], ids)


def _by_number(connection: Connection, scope: Scope, after: int, size: int) -> Iterator[_Stretch]:
    """Yield all entries where some of the period may be."""
    for first, last in _bounds(connection, scope):
        begun = max(first, after)
        while begun < last:
            values = (begun, last, size)
            upto = connection.exec_driver_sql(_NEXT, values).scalar()
            if upto is None:
                break
            yield _Stretch(begun, upto)
            begun = upto
            size = min(2 * size, ENTRIES_AT_A_TIME)  # a short page may have long to search


def _bounds(connection: Connection, scope: Scope) -> list[tuple[int, int]]:
    day = f"t.{scope.axis}_on"
    chosen = Chosen("true", ())
    if scope.first_day is not None:
        chosen += Chosen(f"{day} >= %s", (scope.first_day,))
    if scope.last_day is not None:
        chosen += Chosen(f"{day} <= %s", (scope.last_day,))
    if not chosen.values:
        return [(0, _LAST)]
    query = _BOUNDS.format(chosen=chosen.sql)
    first, last, totaled = connection.exec_driver_sql(query, chosen.values).one()
    within = [] if first is None else [(first, last)]
    return [*within, (totaled, _LAST)]


def _headers(
    connection: Connection, scope: Scope, stretch: _Stretch, touching: Chosen
) -> dict[int, tuple[Any, ...]]:
    chosen = in_books(scope) + in_period(scope)
    chosen += Chosen("e.id > %s AND e.id <= %s", (stretch.after, stretch.upto))
    if stretch.ids is not None:
        chosen += Chosen("e.id = ANY (%s)", (stretch.ids,))
    if touching.values:
        window = (stretch.after, stretch.upto)
        chosen += Chosen(_TOUCHES.format(chosen=touching.sql), (*window, *touching.values))
    rows = fetch(connection, _HEADERS.format(chosen=chosen.sql), chosen.values)
    return {row[0]: row for row in rows}


def _lines(
    connection: Connection, scope: Scope, stretch: _Stretch, headers: dict[int, tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Return the lines of the stretch; those of entries that are not wanted may be among them."""
    between = Chosen("p.entry_id > %s AND p.entry_id <= %s", (stretch.after, stretch.upto))
    of_them = Chosen("p.entry_id = ANY (%s)", (list(headers),))
    numbers = stretch.upto - stretch.after
    if numbers < 2 * len(headers):
        chosen = between
    elif numbers < _SPARSE * len(headers):
        chosen = between + of_them
    else:
        chosen = of_them
    if scope.asset is not None:
        asset = "p.asset_id = (SELECT id FROM ledger.assets WHERE code = %s)"
        chosen += Chosen(asset, (scope.asset,))
    return fetch(connection, _LINES.format(chosen=chosen.sql), chosen.values)
