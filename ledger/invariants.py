"""Truths about the whole ledger: each a query that must return no row.

The database enforces most of them on every write; here they are proved again from the postings,
by a periodic job, by `strongroom ledger invariants`, and after every test that posts.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

INVARIANTS: dict[str, str] = {
    "every entry balances in every asset": """
        SELECT entry_id, asset_id, sum(amount) FROM ledger.postings
         GROUP BY entry_id, asset_id HAVING sum(amount) <> 0""",
    "every entry has at least two postings, numbered from 1": """
        SELECT e.id, count(p.line) FROM ledger.entries e
          LEFT JOIN ledger.postings p ON p.entry_id = e.id
         GROUP BY e.id HAVING count(p.line) < 2 OR count(DISTINCT p.line) <> max(p.line)""",
    "every posting belongs to an entry and has its time": """
        SELECT p.entry_id, p.line FROM ledger.postings p
          LEFT JOIN ledger.entries e ON e.id = p.entry_id
         WHERE e.occurred_at IS DISTINCT FROM p.occurred_at""",
    "every posting has the asset of its account": """
        SELECT p.entry_id, p.line FROM ledger.postings p
          LEFT JOIN ledger.accounts a ON a.id = p.account_id
         WHERE a.asset_id IS DISTINCT FROM p.asset_id""",
    "every balance is the sum of its postings": """
        SELECT b.account_id, b.posted, coalesce(p.amount, 0) FROM ledger.balances b
          LEFT JOIN LATERAL (
            SELECT sum(amount) AS amount FROM ledger.postings p
             WHERE p.account_id = b.account_id
               AND (b.mode = 'strict' OR p.seq <= b.rolled_to)) p ON true
         WHERE b.posted <> coalesce(p.amount, 0)""",
    "postings of a strict account are numbered without a gap, each with the balance after it": """
        SELECT account_id, seq FROM (
          SELECT p.account_id, p.seq, p.balance_after,
                 row_number() OVER account AS place, sum(p.amount) OVER account AS balance
            FROM ledger.postings p JOIN ledger.balances b USING (account_id)
           WHERE b.mode = 'strict'
          WINDOW account AS (PARTITION BY p.account_id ORDER BY p.seq)) numbered
         WHERE seq <> place OR balance_after IS DISTINCT FROM balance""",
    "the version of a strict balance is the number of its postings": """
        SELECT b.account_id, b.version FROM ledger.balances b
          LEFT JOIN LATERAL (SELECT count(*) AS n FROM ledger.postings p
                              WHERE p.account_id = b.account_id) p ON true
         WHERE b.mode = 'strict' AND b.version <> p.n""",
    "no balance is below its floor, holds taken off": """
        SELECT account_id FROM ledger.balances WHERE side * posted - held < floor""",
    "what is held is what open holds have left": """
        SELECT b.account_id, b.held, h.left FROM ledger.balances b
          LEFT JOIN LATERAL (SELECT coalesce(sum(amount - captured), 0) AS left FROM ledger.holds h
                              WHERE h.account_id = b.account_id AND h.state = 'open') h ON true
         WHERE b.held <> h.left""",
    "every rolled range is the sum of its postings": """
        SELECT r.account_id, r.axis, r.upto_seq FROM ledger.roll_ranges r
          LEFT JOIN LATERAL (
            SELECT count(*) AS n, sum(amount) AS amount FROM ledger.postings p
             WHERE p.account_id = r.account_id AND p.seq BETWEEN r.from_seq AND r.upto_seq
               AND CASE r.axis WHEN 'occurred' THEN p.occurred_at ELSE p.recorded_at END
                   BETWEEN r.at_from AND r.at_to) p ON true
         WHERE r.posting_count <> p.n OR r.amount IS DISTINCT FROM p.amount""",
    "rolled ranges cover every rolled posting once on each axis": """
        SELECT b.account_id, a.axis FROM ledger.balances b
         CROSS JOIN (VALUES ('occurred'), ('recorded')) AS a (axis)
         WHERE (SELECT count(*) FROM ledger.postings p
                 WHERE p.account_id = b.account_id AND p.seq <= b.rolled_to)
            <> (SELECT coalesce(sum(posting_count), 0) FROM ledger.roll_ranges r
                 WHERE r.account_id = b.account_id AND r.axis = a.axis)""",
    "sums of hours and days are the sums of their ranges": """
        SELECT account_id, axis, grain, starts_at
          FROM ledger.roll_sums s
          FULL JOIN (
            SELECT account_id, axis, grain, date_trunc(grain, hour, 'UTC') AS starts_at,
                   sum(amount) AS amount
              FROM ledger.roll_ranges CROSS JOIN (VALUES ('hour'), ('day')) AS g (grain)
             GROUP BY account_id, axis, grain, date_trunc(grain, hour, 'UTC')) r
            USING (account_id, axis, grain, starts_at)
         WHERE s.amount IS DISTINCT FROM r.amount""",
    "daily totals are the sums of the postings they say": """
        SELECT grain, recorded_on, occurred_on, control, asset_id
          FROM ledger.daily_totals t
          FULL JOIN (
            SELECT g.grain, date_trunc(g.grain, ledger.utc_day(e.recorded_at))::date AS recorded_on,
                   ledger.utc_day(e.occurred_at) AS occurred_on, a.control, a.asset_id,
                   coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0) AS debit,
                   coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0) AS credit,
                   count(*) AS n, min(e.id) AS first, max(e.id) AS last,
                   max(e.recorded_at) AS last_at
              FROM ledger.entries e JOIN ledger.postings p ON p.entry_id = e.id
              JOIN ledger.accounts a ON a.id = p.account_id
             CROSS JOIN (VALUES ('day'), ('month')) AS g (grain)
             WHERE e.id <= (SELECT totaled_to FROM ledger.daily_totals_cursor)
             GROUP BY 1, 2, 3, 4, 5) p
            USING (grain, recorded_on, occurred_on, control, asset_id)
         WHERE (t.debit, t.credit, t.posting_count, t.first_entry, t.last_entry, t.last_recorded_at)
               IS DISTINCT FROM (p.debit, p.credit, p.n, p.first, p.last, p.last_at)""",
    "every reversal is the exact mirror of what it reverses": """
        SELECT r.entry_id FROM ledger.reversals r
         WHERE EXISTS (
           SELECT FROM (SELECT account_id, line, amount FROM ledger.postings
                         WHERE entry_id = r.entry_id) m
             FULL JOIN (SELECT account_id, line, -amount AS amount FROM ledger.postings
                         WHERE entry_id = r.reverses_id) o USING (account_id, line, amount)
            WHERE m.line IS NULL OR o.line IS NULL OR m.* IS NULL OR o.* IS NULL)""",
    "nothing was recorded into a period while it was closed": """
        SELECT e.id FROM ledger.entries e JOIN (
            SELECT closed_through, closed_at,
                   lead(closed_at, 1, 'infinity') OVER (ORDER BY number) AS changed_at
              FROM ledger.closed_periods) c
            ON e.occurred_at <= c.closed_through
           AND e.recorded_at > c.closed_at AND e.recorded_at <= c.changed_at""",
}


class BrokenInvariant(NamedTuple):
    """An invariant that does not hold, and up to five of the rows that show it."""

    name: str
    rows: list[tuple[object, ...]]


def broken_invariants(
    connection: Connection, invariants: Mapping[str, str] = INVARIANTS
) -> list[BrokenInvariant]:
    """Prove the ledger's invariants, or others of the same form; return those that do not hold."""
    broken = []
    for name, query in invariants.items():
        rows = connection.exec_driver_sql(f"{query} LIMIT 5").all()
        if rows:
            broken.append(BrokenInvariant(name, [tuple(row) for row in rows]))
    return broken
