"""Money that moved more than once where once is usual: each judged by what the books say."""

from typing import Any

from sqlalchemy import Row, text

from payments.duplicates.duplicate import Duplicate, Verdict
from payments.duplicates.question import Question

_PAID = text("""
    SELECT p.order_id AS key, array_agg(p.id ORDER BY p.id) AS subjects, count(*) AS times,
           min(p.created_at) AS first_at, max(p.updated_at) AS last_at,
           sum(p.amount_captured - p.amount_refunded) - o.amount AS over
      FROM strongroom.payments p JOIN strongroom.orders o ON o.id = p.order_id
     WHERE p.amount_captured > 0
       AND p.order_id IN (SELECT order_id FROM strongroom.payments
                           WHERE updated_at >= :since AND updated_at < :until
                             AND (CAST(:order_id AS text) IS NULL OR order_id = :order_id))
     GROUP BY p.order_id, o.amount HAVING count(*) > 1
     ORDER BY max(p.updated_at) DESC LIMIT :most
""")

_RELEASED = text("""
    SELECT r.order_id AS key, array_agg(r.id ORDER BY r.id) AS subjects, count(*) AS times,
           min(r.created_at) AS first_at, max(r.updated_at) AS last_at,
           sum(r.amount) FILTER (WHERE r.status = 'posted' OR r.hold_id IS NOT NULL) > o.amount
             AS is_over,
           count(*) > count(DISTINCT r.amount) AS is_alike
      FROM strongroom.releases r JOIN strongroom.orders o ON o.id = r.order_id
     WHERE r.status NOT IN ('failed', 'canceled')
       AND r.order_id IN (SELECT order_id FROM strongroom.releases
                           WHERE updated_at >= :since AND updated_at < :until
                             AND (CAST(:order_id AS text) IS NULL OR order_id = :order_id))
     GROUP BY r.order_id, o.amount HAVING count(*) > 1
     ORDER BY max(r.updated_at) DESC LIMIT :most
""")

_SENT_OUT = text("""
    SELECT a.payout_id AS key, array_agg(DISTINCT p.release_id) AS subjects, count(*) AS times,
           min(a.created_at) AS first_at, max(coalesce(a.ended_at, a.created_at)) AS last_at,
           sum(a.amount - a.amount_returned) FILTER (WHERE a.state = 'paid') > p.amount AS is_over
      FROM strongroom.seller_payout_attempts a
      JOIN strongroom.seller_payouts p ON p.id = a.payout_id
     WHERE p.updated_at >= :since AND p.updated_at < :until
       AND (CAST(:order_id AS text) IS NULL OR p.order_id = :order_id)
     GROUP BY a.payout_id, p.amount HAVING count(*) > 1
     ORDER BY 5 DESC LIMIT :most
""")

_SIGNED = text("""
    SELECT a.intent_id AS key, array_agg(a.tx_hash ORDER BY a.signed_at) AS subjects,
           count(*) AS times, min(a.signed_at) AS first_at, max(a.signed_at) AS last_at,
           count(DISTINCT a.nonce) > 1 AS is_over
      FROM strongroom.chain_attempts a JOIN strongroom.chain_intents i ON i.id = a.intent_id
     WHERE i.updated_at >= :since AND i.updated_at < :until
       AND (CAST(:ids AS text[]) IS NULL OR i.subject_id = ANY(CAST(:ids AS text[])))
     GROUP BY a.intent_id HAVING count(*) > 1
     ORDER BY max(a.signed_at) DESC LIMIT :most
""")

_ON_CHAIN = text("""
    SELECT e.operation_id AS key, array_agg(e.escrow_id || ' ' || e.tx_hash) AS subjects,
           count(*) AS times, min(e.block_at) AS first_at, max(e.block_at) AS last_at
      FROM strongroom.escrow_effects e
     WHERE e.operation_id IS NOT NULL AND e.state <> 'orphaned'
       AND e.updated_at >= :since AND e.updated_at < :until
       AND (CAST(:ids AS text[]) IS NULL OR e.escrow_id = ANY(CAST(:ids AS text[])))
     GROUP BY e.escrow_id, e.kind, e.operation_id HAVING count(*) > 1
     ORDER BY max(e.block_at) DESC LIMIT :most
""")

# A transfer at Stripe that none of our attempts is, and a line out with a paid payout's amount.
_OUTSIDE = text("""
    SELECT t.id AS key, ARRAY[t.source_ref, t.payment_id] AS subjects, 1 AS times,
           t.occurred_at AS first_at, t.occurred_at AS last_at
      FROM strongroom.balance_transactions t
     WHERE t.awaits = 'payout' AND t.principal_entry_id IS NULL
       AND t.occurred_at >= :since AND t.occurred_at < :until
       AND NOT EXISTS (SELECT FROM strongroom.seller_payout_attempts a
                        WHERE a.provider = t.provider AND a.provider_ref = t.source_ref)
       AND (CAST(:ids AS text[]) IS NULL OR t.payment_id = ANY(CAST(:ids AS text[])))
    UNION ALL
    SELECT l.id, array_agg(p.id ORDER BY p.id), 1, l.created_at, l.updated_at
      FROM strongroom.statement_lines l
      JOIN strongroom.seller_payouts p
        ON p.amount = -l.amount AND p.currency = l.currency AND p.provider <> 'stripe'
       AND p.paid_at > l.booked_on - 10 AND p.paid_at < l.booked_on + 4
     WHERE l.state = 'unmatched' AND l.amount < 0
       AND l.created_at >= :since AND l.created_at < :until
       AND (CAST(:order_id AS text) IS NULL OR p.order_id = :order_id)
     GROUP BY l.id
     LIMIT :most
""")


def paid_twice(question: Question) -> list[Duplicate]:
    """Return orders that more than one payment was charged for."""
    return [
        _duplicate(
            row,
            "order_paid_twice",
            *(
                ("look", f"{row.over} minor units more than the order have not gone back.")
                if row.over > 0
                else ("harmless", "What came in above the order went back.")
            ),
        )
        for row in question.rows(_PAID)
    ]


def released_twice(question: Question) -> list[Duplicate]:
    """Return orders with more than one release that was not taken back."""
    return [
        _duplicate(row, "order_released_twice", *_judged(row)) for row in question.rows(_RELEASED)
    ]


def _judged(row: Row[Any]) -> tuple[Verdict, str]:
    if row.is_over:
        return "wrong", "Together they are more than the order."
    if row.is_alike:
        return "look", "Two of the same amount, together no more than the order: asked for twice?"
    return "harmless", "Parts of the order, together no more than it."


def paid_out_twice(question: Question) -> list[Duplicate]:
    """Return payouts that were made more than once."""
    return [
        _duplicate(
            row,
            "payout_made_again",
            *(
                ("wrong", "More arrived than the payout is.")
                if row.is_over
                else ("harmless", "It failed or came back, and was made again: net once.")
            ),
        )
        for row in question.rows(_SENT_OUT)
    ]


def signed_twice(question: Question) -> list[Duplicate]:
    """Return what was signed more than once for a chain."""
    return [
        _duplicate(
            row,
            "transaction_signed_again",
            *(
                ("wrong", "Under two nonces: both may be mined.")
                if row.is_over
                else ("harmless", "Same nonce, higher fee: one of them is mined at most.")
            ),
        )
        for row in question.rows(_SIGNED)
    ]


def happened_twice(question: Question) -> list[Duplicate]:
    """Return operations that a contract says it carried out more than once."""
    why = "The contract tells of one operation twice."
    return [_duplicate(row, "operation_twice", "wrong", why) for row in question.rows(_ON_CHAIN)]


def outside_the_books(question: Question) -> list[Duplicate]:
    """Return money that left to a seller, it seems, and that no payout of ours is."""
    why = "Money went out that no payout of ours is: sent by hand?"
    return [_duplicate(row, "paid_outside", "wrong", why) for row in question.rows(_OUTSIDE)]


def _duplicate(row: Row[Any], kind: str, verdict: Verdict, why: str) -> Duplicate:
    return Duplicate(
        kind=kind,
        key=row.key,
        count=row.times,
        subjects=[one for one in row.subjects if one is not None],
        first_at=row.first_at,
        last_at=row.last_at,
        verdict=verdict,
        why=why,
    )
