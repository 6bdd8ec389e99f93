"""Books of ten million postings as a marketplace has them: an escrow account for each order.

Written in bulk by the owner of the tables, with all guards on. An order makes four entries with
ten postings over some days: charged, the provider's fee, available at the provider, released to
the seller. Orders come evenly over two years; one entry in a hundred is recorded late, by up to
thirty days.
"""

import datetime as dt
from typing import NamedTuple

from rich.progress import track
from sqlalchemy import Connection, Engine

from ledger import roll_totals

POSTINGS_AN_ORDER = 10
ENTRIES_AN_ORDER = 4
BEGIN = dt.datetime(2024, 11, 1, tzinfo=dt.UTC)
SPAN = dt.timedelta(days=730)
_SELLERS = 30_000  # a multiple of the assets: an order and its seller have the same
_CHUNK = 50_000  # orders in a transaction
_DAYS_TO = {"available": 3, "released": 8}  # after the charge

# A third of the orders in each: one with 2 decimals, another, one with none.
_ASSETS = """
    CREATE TEMP TABLE used AS
      SELECT place - 1 AS place, s.id, s.code
        FROM unnest('{USD,EUR,JPY}'::text[]) WITH ORDINALITY AS u (code, place)
        JOIN ledger.assets s USING (code)
"""
_SHARED = [
    "assets:stripe:pending", "assets:stripe:available", "expenses:processing:stripe",
    "income:platform-fees", "liabilities:tax",
]  # fmt: skip

_OPEN_SHARED = """
    INSERT INTO ledger.accounts (path, asset_id, mode)
    SELECT path, u.id, 'deferred' FROM unnest(%s::text[]) path CROSS JOIN used u
"""
_OPEN_SELLERS = """
    INSERT INTO ledger.accounts (path, asset_id, mode)
    SELECT 'liabilities:seller:pty_' || lpad(upper(to_hex(n)), 26, '0'), u.id, 'deferred'
      FROM generate_series(0, %s) n JOIN used u ON u.place = n %% 3 ORDER BY n
"""
_OPEN_ESCROWS = """
    INSERT INTO ledger.accounts (path, asset_id, mode)
    SELECT 'liabilities:escrow:ord_' || lpad(upper(to_hex(n)), 26, '0'), u.id, 'strict'
      FROM generate_series(%s::bigint, %s::bigint) n JOIN used u ON u.place = n %% 3
     ORDER BY n
"""
_NEXT_ACCOUNT = "SELECT max(id) + 1 FROM ledger.accounts"
_BALANCES = """
    INSERT INTO ledger.balances (account_id, asset_id, mode, side)
    SELECT id, asset_id, mode, side FROM ledger.accounts a
     WHERE id > coalesce((SELECT max(account_id) FROM ledger.balances), 0) ORDER BY id
"""
_PLACES = """
    CREATE TEMP TABLE places AS
      SELECT u.place, u.id AS asset_id,
             max(a.id) FILTER (WHERE path = 'assets:stripe:pending') AS pending,
             max(a.id) FILTER (WHERE path = 'assets:stripe:available') AS available,
             max(a.id) FILTER (WHERE path = 'expenses:processing:stripe') AS costs,
             max(a.id) FILTER (WHERE path = 'income:platform-fees') AS fees,
             max(a.id) FILTER (WHERE path = 'liabilities:tax') AS tax
        FROM used u JOIN ledger.accounts a ON a.asset_id = u.id GROUP BY u.place, u.id
"""

# The entries of a stretch of time, in the order in which they were recorded: at each step an order
# is charged, an older one becomes available, and one still older is released.
_ENTRIES = """
    CREATE TEMP TABLE chunk ON COMMIT DROP AS
      SELECT nextval('ledger.entry_ids') AS id, c.*
        FROM (
          SELECT n AS step, k.kind, n - k.delay AS number, (n - k.delay) %% 3 AS place,
                 %s::timestamptz + n * %s::interval AS recorded_at, k.rank
            FROM generate_series(%s::bigint, %s::bigint) n
           CROSS JOIN (VALUES ('charged', 0, 1), ('fee', 0, 2), ('available', %s, 3),
                              ('released', %s, 4)) AS k (kind, delay, rank)
           WHERE n - k.delay BETWEEN 0 AND %s
           ORDER BY n, k.rank) c
"""
_HEADERS = """
    INSERT INTO ledger.entries
      (id, effect_key, fingerprint, kind, occurred_at, recorded_at, description)
    SELECT id, 'pay_' || lpad(upper(to_hex(number)), 26, '0') || ':' || kind, sha256(''), kind,
           {occurred}, recorded_at + rank * interval '1 microsecond',
           'Order ' || number || ' ' || kind
      FROM chunk ORDER BY id
"""
_OCCURRED = """
    recorded_at - CASE WHEN id %% 100 = 7 THEN (id %% 30) * interval '1 day'
                       ELSE interval '3 seconds' END
"""
_LINES = """
    INSERT INTO ledger.postings
      (entry_id, account_id, seq, occurred_at, recorded_at, amount, balance_after, asset_id, line)
    SELECT c.id, l.account,
           CASE WHEN l.account >= %s THEN CASE c.kind WHEN 'charged' THEN 1 ELSE 2 END
                ELSE c.id * 1024 + l.line END,
           {occurred}, recorded_at + rank * interval '1 microsecond', l.amount,
           CASE WHEN l.account >= %s THEN CASE c.kind WHEN 'charged' THEN -a.whole ELSE 0 END END,
           p.asset_id, l.line
      FROM chunk c JOIN places p USING (place)
     CROSS JOIN LATERAL (SELECT 1000 + number %% 9000 AS whole, 30 + number %% 200 AS cost) a
     CROSS JOIN LATERAL (VALUES
       ('charged', 1, p.pending, a.whole), ('charged', 2, %s + number, -a.whole),
       ('fee', 1, p.costs, a.cost), ('fee', 2, p.pending, -a.cost),
       ('available', 1, p.available, a.whole - a.cost),
       ('available', 2, p.pending, a.cost - a.whole),
       ('released', 1, %s + number, a.whole), ('released', 2, p.fees, -(a.whole / 20)),
       ('released', 3, p.tax, -(a.whole / 100)),
       ('released', 4, %s + number %% {sellers}, a.whole / 20 + a.whole / 100 - a.whole)
     ) AS l (kind, line, account, amount)
     WHERE l.kind = c.kind ORDER BY c.id, l.line
"""


class _First(NamedTuple):
    """The ids from which the accounts of sellers and of orders are numbered on."""

    seller: int
    escrow: int


def write_report_books(engine: Engine, *, postings: int) -> None:
    """Write the books as the owner and have the totals rolled, as a job does every few seconds."""
    orders = postings // POSTINGS_AN_ORDER
    step = SPAN / orders
    delays = tuple(int(dt.timedelta(days=days) / step) for days in _DAYS_TO.values())
    with engine.connect() as connection:
        with connection.begin():
            first = _open_accounts(connection, orders)
        chunks = range(0, orders + delays[-1], _CHUNK)
        for start in track(chunks, description=f"writing {postings:,} postings"):
            with connection.begin():
                steps = (start, start + _CHUNK - 1)
                values = (BEGIN, step, *steps, *delays, orders - 1)
                connection.exec_driver_sql(_ENTRIES, values)
                _write_chunk(connection, first)
        with connection.begin():
            connection.exec_driver_sql(
                "UPDATE ledger.balances SET version = 2 WHERE mode = 'strict'"
            )
            connection.exec_driver_sql(
                "UPDATE ledger.watermark SET settled_to = (SELECT max(id) FROM ledger.entries)"
            )


def roll_all(engine: Engine) -> int:
    """Roll the daily totals up to the last entry; return how many entries that were."""
    rolled = 0
    while entries := roll_totals(engine):
        rolled += entries
    return rolled


def _open_accounts(connection: Connection, orders: int) -> _First:
    connection.exec_driver_sql(_ASSETS)
    connection.exec_driver_sql(_OPEN_SHARED, (_SHARED,))
    first_seller = connection.exec_driver_sql(_NEXT_ACCOUNT).scalar_one()
    connection.exec_driver_sql(_OPEN_SELLERS, (_SELLERS - 1,))
    first_escrow = connection.exec_driver_sql(_NEXT_ACCOUNT).scalar_one()
    for start in range(0, orders, _CHUNK):
        last = min(start + _CHUNK, orders) - 1
        connection.exec_driver_sql(_OPEN_ESCROWS, (start, last))
    connection.exec_driver_sql(_BALANCES)
    connection.exec_driver_sql(_PLACES, ())
    return _First(first_seller, first_escrow)


def _write_chunk(connection: Connection, first: _First) -> None:
    connection.exec_driver_sql(_HEADERS.format(occurred=_OCCURRED), ())
    values = (*[first.escrow] * 4, first.seller)
    connection.exec_driver_sql(_LINES.format(occurred=_OCCURRED, sellers=_SELLERS), values)
