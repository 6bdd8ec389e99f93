"""Truths about payments and their entries: each a query that must return no row.

What a payment, receipt, refund or dispute says of itself is proved against the ledger, both ways,
by the job that audits the ledger and by `strongroom ledger invariants`.
"""

from sqlalchemy import Connection

import ledger
from ledger import BrokenInvariant
from payments.invoices.invariants import INVARIANTS as OF_INVOICES
from payments.manual_entries.invariants import INVARIANTS as BY_HAND
from payments.payouts.invariants import INVARIANTS as OF_PAYOUTS
from payments.reconciliation.invariants import INVARIANTS as OF_STATEMENTS
from payments.releases.invariants import INVARIANTS as OF_RELEASES
from payments.watching.invariants import INVARIANTS as OF_CHAINS

# What was booked may be undone, should its chain be reorganised: then it does not count.
INVARIANTS: dict[str, str] = {
    "a payment is charged if and only if its charge is booked": """
        SELECT coalesce(p.id, e.payment_id), p.status, e.id
          FROM (SELECT id, status FROM strongroom.payments WHERE amount_captured > 0) p
          FULL JOIN (SELECT split_part(effect_key, ':', 1) AS payment_id, id
                       FROM ledger.entries n
                      WHERE kind = 'charge' AND NOT EXISTS (
                              SELECT FROM ledger.reversals v WHERE v.reverses_id = n.id)) e
            ON e.payment_id = p.id
         WHERE p.id IS NULL OR e.id IS NULL""",
    "what was captured is what was booked for the order": """
        SELECT p.id, p.amount_captured, sum(-l.amount)
          FROM strongroom.payments p
          JOIN ledger.entries e ON split_part(e.effect_key, ':', 1) = p.id
           AND e.kind = 'charge'
           AND NOT EXISTS (SELECT FROM ledger.reversals v WHERE v.reverses_id = e.id)
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
                      WHERE booked = 'refunded' AND receipt_id IS NULL
                      GROUP BY payment_id) r ON r.payment_id = p.id
         WHERE p.amount_refunded <> coalesce(r.amount, 0)""",
    "a refund went out if and only if its entry did": """
        SELECT coalesce(r.id, e.refund_id), r.booked, e.id
          FROM (SELECT id, booked FROM strongroom.refunds
                 WHERE booked IN ('refunded', 'returned') AND receipt_id IS NULL) r
          FULL JOIN (SELECT split_part(effect_key, ':', 1) AS refund_id, id
                       FROM ledger.entries n
                      WHERE kind = 'refund' AND NOT EXISTS (
                              SELECT FROM ledger.reversals v WHERE v.reverses_id = n.id)) e
            ON e.refund_id = r.id
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
    "the history of a payment leads without a gap to where it stands": """
        SELECT payment_id, seq FROM (
          SELECT e.payment_id, e.seq, e.from_status, e.to_status, p.status,
                 lag(e.to_status) OVER story AS before,
                 row_number() OVER story AS place, lead(e.seq) OVER story AS following
            FROM strongroom.payment_events e JOIN strongroom.payments p ON p.id = e.payment_id
          WINDOW story AS (PARTITION BY e.payment_id ORDER BY e.seq)) steps
         WHERE seq <> place OR from_status IS DISTINCT FROM before
            OR (following IS NULL AND to_status <> status)""",
    "what a bank payment received is the sum of its receipts": """
        SELECT p.id, p.amount_received, coalesce(r.amount, 0)
          FROM strongroom.payments p
          LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM strongroom.bank_receipts
                      GROUP BY payment_id) r ON r.payment_id = p.id
         WHERE p.amount_received <> coalesce(r.amount, 0)""",
    "what receipts gave a bank payment is what was captured": """
        SELECT p.id, p.amount_captured, coalesce(r.applied, 0)
          FROM strongroom.payments p
          LEFT JOIN (SELECT payment_id, sum(amount_applied) AS applied
                       FROM strongroom.bank_receipts GROUP BY payment_id) r ON r.payment_id = p.id
         WHERE p.rail = 'bank' AND p.amount_captured <> coalesce(r.applied, 0)""",
    "every receipt came in by exactly one entry, whole": """
        SELECT coalesce(r.id, e.receipt_id), r.amount, e.amount, e.entries
          FROM strongroom.bank_receipts r
          FULL JOIN (SELECT e.metadata ->> 'receipt_id' AS receipt_id, sum(l.amount) AS amount,
                            count(DISTINCT e.id) AS entries
                       FROM ledger.entries e
                       JOIN ledger.postings l ON l.entry_id = e.id
                       JOIN ledger.accounts a ON a.id = l.account_id
                      WHERE e.kind IN ('charge', 'receipt') AND a.path = 'assets:bank:clearing'
                      GROUP BY 1) e ON e.receipt_id = r.id
         WHERE r.amount IS DISTINCT FROM e.amount OR e.entries <> 1""",
    "what of receipts waits in suspense is what was booked there": """
        SELECT coalesce(r.payment_id, e.payment_id), r.waiting, e.waiting
          FROM (SELECT payment_id, sum(amount - amount_applied - amount_returned)
                       + coalesce((SELECT sum(f.amount) FROM strongroom.refunds f
                                    WHERE f.payment_id = b.payment_id AND f.status = 'pending'
                                      AND f.receipt_id IS NOT NULL), 0) AS waiting
                  FROM strongroom.bank_receipts b GROUP BY payment_id) r
          FULL JOIN (SELECT e.metadata ->> 'payment_id' AS payment_id, sum(-l.amount) AS waiting
                       FROM ledger.entries e
                       JOIN ledger.postings l ON l.entry_id = e.id
                       JOIN ledger.accounts a ON a.id = l.account_id
                      WHERE a.path = 'assets:suspense:unmatched'
                        AND (e.kind = 'charge' OR starts_with(e.kind, 'receipt'))
                      GROUP BY 1) e ON e.payment_id = r.payment_id
         WHERE coalesce(r.waiting, 0) <> coalesce(e.waiting, 0)""",
    "what of a receipt went back was refunded, or taken back": """
        SELECT r.id, r.amount_returned, f.amount, e.amount
          FROM strongroom.bank_receipts r
          LEFT JOIN (SELECT receipt_id, sum(amount) AS amount FROM strongroom.refunds
                      WHERE booked = 'refunded' OR status = 'pending'
                      GROUP BY 1) f ON f.receipt_id = r.id
          LEFT JOIN (SELECT split_part(e.effect_key, ':', 1) AS receipt_id, sum(-l.amount) AS amount
                       FROM ledger.entries e
                       JOIN ledger.postings l ON l.entry_id = e.id
                       JOIN ledger.accounts a ON a.id = l.account_id
                      WHERE e.kind = 'receipt.taken_back' AND a.path = 'assets:bank:clearing'
                      GROUP BY 1) e ON e.receipt_id = r.id
         WHERE r.amount_returned <> coalesce(f.amount, 0) + coalesce(e.amount, 0)""",
    "a refund out of suspense went out if and only if its entry did": """
        SELECT coalesce(r.id, e.refund_id), r.booked, e.id
          FROM (SELECT id, booked FROM strongroom.refunds
                 WHERE booked IN ('refunded', 'returned') AND receipt_id IS NOT NULL) r
          FULL JOIN (SELECT split_part(effect_key, ':', 1) AS refund_id, id
                       FROM ledger.entries WHERE kind = 'receipt.refund') e ON e.refund_id = r.id
         WHERE r.id IS NULL OR e.id IS NULL""",
}


def broken_invariants(connection: Connection) -> list[BrokenInvariant]:
    """Prove every invariant; return those that do not hold."""
    truths = {
        **INVARIANTS,
        **OF_RELEASES,
        **OF_PAYOUTS,
        **OF_CHAINS,
        **OF_STATEMENTS,
        **OF_INVOICES,
        **BY_HAND,
    }
    return ledger.broken_invariants(connection, truths)
