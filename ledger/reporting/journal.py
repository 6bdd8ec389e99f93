"""The journal: every line of every entry, in the order of their numbers."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from ledger.reporting.chosen import Chosen, in_books, in_period, of_accounts, of_asset
from ledger.reporting.rows import JournalRow
from ledger.reporting.scope import Scope

ENTRIES_AT_A_TIME = 5_000

_NEXT = """
    SELECT max(id) FROM (
      SELECT id FROM ledger.entries WHERE id > %s ORDER BY id LIMIT %s) next
"""
_LINES = """
    SELECT e.id, e.effect_key, e.kind, e.occurred_at, e.recorded_at, e.description, r.reverses_id,
           p.line, a.path, s.code, p.amount::text
      FROM ledger.entries e
      JOIN ledger.postings p ON p.entry_id = e.id AND p.entry_id > %s AND p.entry_id <= %s
      JOIN ledger.accounts a ON a.id = p.account_id
      JOIN ledger.assets s ON s.id = a.asset_id
      LEFT JOIN ledger.reversals r ON r.entry_id = e.id
     WHERE e.id > %s AND e.id <= %s AND {chosen}
     ORDER BY e.id, p.line
"""
_TOUCHES = """
    EXISTS (SELECT FROM ledger.postings p JOIN ledger.accounts a ON a.id = p.account_id
             WHERE p.entry_id = e.id AND p.entry_id > %s AND p.entry_id <= %s AND {chosen})
"""


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
    lines = _lines(connection, scope, of_accounts(account, control), after or (0, 0))
    return islice(lines, limit)


def _lines(
    connection: Connection, scope: Scope, accounts: Chosen, after: tuple[int, int]
) -> Iterator[JournalRow]:
    chosen = in_books(scope) + in_period(scope) + of_asset(scope)
    begun = after[0] - 1 if after[1] else after[0]
    while True:
        upto = connection.exec_driver_sql(_NEXT, (begun, ENTRIES_AT_A_TIME)).scalar()
        if upto is None:
            return
        window = (begun, upto)
        wanted = chosen
        if accounts.values:
            touches = _TOUCHES.format(chosen=accounts.sql)
            wanted += Chosen(touches, window + accounts.values)
        query = _LINES.format(chosen=wanted.sql)
        for row in connection.exec_driver_sql(query, (*window, *window, *wanted.values)):
            if (row[0], row[7]) > after:
                yield _line(row)
        begun = upto


def _line(row: Any) -> JournalRow:
    *named, text = row
    amount = int(text)
    return JournalRow._make((*named, max(amount, 0), max(-amount, 0)))
