"""Truths about payments and their entries: each a query that must return no row.

What a payment, refund or dispute says of itself is proved against the ledger, both ways, by the
job that audits the ledger and by `strongroom ledger invariants`.
"""

from sqlalchemy import Connection

import ledger
from ledger import BrokenInvariant

INVARIANTS: dict[str, str] = {
    "a payment is charged if and only if its charge is booked": """
        SELECT coalesce(p.id, e.payment_id), p.status, e.id
          FROM (SELECT id, status FROM strongroom.payments WHERE amount_captured > 0) p
          FULL JOIN (SELECT split_part(effect_key, ':', 1) AS payment_id, id
                       FROM ledger.entries WHERE kind = 'charge') e ON e.payment_id = p.id
         WHERE p.id IS NULL OR e.id IS NULL""",
    "what was captured is what was booked for the order": """
        SELECT p.id, p.amount_captured, sum(-l.amount)
          FROM strongroom.payments p
          JOIN ledger.entries e ON e.effect_key = p.id || ':charged'
          JOIN ledger.postings l ON l.entry_id = e.id
          JOIN ledger.accounts a ON a.id = l.account_id
         WHERE a.path = 'liabilities:escrow:' || p.order_id
         GROUP BY p.id HAVING sum(-l.amount) <> p.amount_captured""",
    "a payment's status follows from its amounts": """
        SELECT id, status, amount_captured, amount_refunded FROM strongroom.payments
         WHERE (amount_captured > 0)
               <> (status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed'))
            OR (status = 'succeeded' AND amount_refunded > 0)
            OR (status = 'partially_refunded'
                AND (amount_refunded = 0 OR amount_refunded = amount_captured))
            OR (status = 'refunded' AND amount_refunded <> amount_captured)""",
    "what was refunded is the sum of the refunds that are booked": """
        SELECT p.id, p.amount_refunded, coalesce(r.amount, 0)
          FROM strongroom.payments p
          LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM strongroom.refunds
                      WHERE booked = 'refunded' GROUP BY payment_id) r ON r.payment_id = p.id
         WHERE p.amount_refunded <> coalesce(r.amount, 0)""",
    "a refund went out if and only if its entry did": """
        SELECT coalesce(r.id, e.refund_id), r.booked, e.id
          FROM (SELECT id, booked FROM strongroom.refunds
                 WHERE booked IN ('refunded', 'returned')) r
          FULL JOIN (SELECT split_part(effect_key, ':', 1) AS refund_id, id
                       FROM ledger.entries WHERE kind = 'refund') e ON e.refund_id = r.id
         WHERE r.id IS NULL OR e.id IS NULL""",
    "a dispute took money if and only if its entry says so": """
        SELECT coalesce(d.id, e.dispute_id), d.booked, e.id
          FROM (SELECT id, booked FROM strongroom.disputes WHERE booked <> 'nothing') d
          FULL JOIN (SELECT split_part(effect_key, ':', 1) AS dispute_id, id
                       FROM ledger.entries WHERE kind = 'dispute.opened') e ON e.dispute_id = d.id
         WHERE d.id IS NULL OR e.id IS NULL""",
    "a refund under way has its money held, and one that is over does not": """
        SELECT r.id, r.booked, h.state
          FROM strongroom.refunds r JOIN ledger.holds h ON h.id = r.hold_id
         WHERE (r.booked = 'held') <> (h.state = 'open')""",
    "what sellers owe is what refunds and disputes found missing": """
        SELECT coalesce(o.seller_id, a.seller_id), o.currency, o.owed, a.balance
          FROM (SELECT d.seller_id, g.currency, sum(g.owed) AS owed
                  FROM (SELECT payment_id, currency, owed FROM strongroom.refunds
                        UNION ALL
                        SELECT payment_id, currency, owed FROM strongroom.disputes) g
                  JOIN strongroom.payments p ON p.id = g.payment_id
                  JOIN strongroom.orders d ON d.id = p.order_id
                 GROUP BY d.seller_id, g.currency) o
          FULL JOIN (SELECT substr(c.path, length('assets:debts:') + 1) AS seller_id,
                            s.code AS currency, ledger.balance_now(c.id) AS balance
                       FROM ledger.accounts c JOIN ledger.assets s ON s.id = c.asset_id
                      WHERE starts_with(c.path, 'assets:debts:')) a
            ON a.seller_id = o.seller_id AND a.currency = o.currency
         WHERE coalesce(o.owed, 0) <> coalesce(a.balance, 0)""",
    "the history of a payment leads without a gap to where it stands": """
        SELECT payment_id, seq FROM (
          SELECT e.payment_id, e.seq, e.from_status, e.to_status, p.status,
                 lag(e.to_status) OVER story AS before,
                 row_number() OVER story AS place, lead(e.seq) OVER story AS following
            FROM strongroom.payment_events e JOIN strongroom.payments p ON p.id = e.payment_id
          WINDOW story AS (PARTITION BY e.payment_id ORDER BY e.seq)) steps
         WHERE seq <> place OR from_status IS DISTINCT FROM before
            OR (following IS NULL AND to_status <> status)""",
}


def broken_invariants(connection: Connection) -> list[BrokenInvariant]:
    """Prove every invariant; return those that do not hold."""
    return ledger.broken_invariants(connection, INVARIANTS)
