"""Accounts in the order of path and asset, some at a time: there may be millions."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from ledger.reporting.chosen import Chosen

ACCOUNTS_AT_A_TIME = 1_000

_NEXT = """
    SELECT a.id, a.path, s.code FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id
     WHERE a.path >= %s AND (a.path, s.code COLLATE "C") > (%s, %s) AND {chosen}
     ORDER BY a.path, s.code COLLATE "C" LIMIT %s
"""


class Account(NamedTuple):
    """An account by its id, with its name."""

    id: int
    path: str
    asset: str


def accounts_in_order(
    connection: Connection, chosen: Chosen, *, after: tuple[str, str] = ("", ""), size: int
) -> Iterator[list[Account]]:
    """Yield the chosen accounts (`a`) after a path and asset, `size` at first and then more."""
    query = _NEXT.format(chosen=chosen.sql)
    while True:
        values = (after[0], *after, *chosen.values, size)
        accounts = [Account(*row) for row in connection.exec_driver_sql(query, values)]
        if accounts:
            yield accounts
            after = (accounts[-1].path, accounts[-1].asset)
        if len(accounts) < size:
            return
        size = min(2 * size, ACCOUNTS_AT_A_TIME)
