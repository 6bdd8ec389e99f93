"""Truths about escrows on chain and the books: each a query that must return no row."""

INVARIANTS: dict[str, str] = {
    "what the books have in a contract is what final effects put there, less what left": """
        SELECT coalesce(c.path, a.path), c.left_there, a.balance
          FROM (SELECT 'assets:chain:' || s.chain || ':escrow:' || s.contract_address AS path,
                       s.asset, sum(CASE f.kind WHEN 'deposited' THEN f.amount
                                                ELSE -f.amount END) AS left_there
                  FROM strongroom.escrows s
                  JOIN strongroom.escrow_effects f ON f.escrow_id = s.id AND f.state = 'final'
                   AND f.kind IN ('deposited', 'released', 'refunded', 'reclaimed')
                 GROUP BY s.id) c
          FULL JOIN (SELECT a.path, t.code AS asset, ledger.balance_now(a.id) AS balance
                       FROM ledger.accounts a JOIN ledger.assets t ON t.id = a.asset_id
                      WHERE starts_with(a.path, 'assets:chain:')
                        AND split_part(a.path, ':', 4) = 'escrow') a
            ON a.path = c.path AND a.asset = c.asset
         WHERE coalesce(c.left_there, 0) <> coalesce(a.balance, 0)""",
    "what an escrow says of its money is what is final on chain": """
        SELECT s.id, s.amount_deposited, s.amount_released, s.amount_refunded
          FROM strongroom.escrows s
          LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (WHERE kind = 'deposited'), 0) AS deposited,
                   coalesce(sum(amount) FILTER (WHERE kind = 'released'), 0) AS released,
                   coalesce(sum(amount) FILTER (WHERE kind IN ('refunded', 'reclaimed')),
                            0) AS refunded
              FROM strongroom.escrow_effects f
             WHERE f.escrow_id = s.id AND f.state = 'final') m ON true
         WHERE (s.amount_deposited, s.amount_released, s.amount_refunded)
               <> (m.deposited, m.released, m.refunded)
            OR m.released + m.refunded > m.deposited
            OR m.deposited NOT IN (0, s.amount)""",
    "the payment of an escrow has the escrow's money, and stands where it does": """
        SELECT s.id, s.status, p.status, p.amount_captured, p.amount_refunded
          FROM strongroom.escrows s JOIN strongroom.payments p ON p.id = s.payment_id
         WHERE (p.amount_captured, p.amount_refunded) <> (s.amount_deposited, s.amount_refunded)
            OR p.status <> CASE s.status
                 WHEN 'deploying' THEN 'created' WHEN 'awaiting_deposit' THEN 'requires_action'
                 WHEN 'deposit_seen' THEN 'processing' WHEN 'expired' THEN 'expired'
                 WHEN 'failed' THEN 'canceled' WHEN 'disputed' THEN 'disputed'
                 ELSE CASE WHEN s.amount_refunded = 0 THEN 'succeeded'
                           WHEN s.amount_refunded = s.amount_deposited THEN 'refunded'
                           ELSE 'partially_refunded' END END""",
    "an escrow's status follows from what happened on chain": """
        SELECT s.id, s.status, f.kinds
          FROM strongroom.escrows s
          LEFT JOIN LATERAL (
            SELECT coalesce(array_agg(kind), '{}') AS kinds FROM strongroom.escrow_effects e
             WHERE e.escrow_id = s.id AND e.state <> 'orphaned') f ON true
         WHERE s.status <> ALL (CASE
                 WHEN s.amount_deposited > 0
                      AND s.amount_deposited = s.amount_released + s.amount_refunded
                   THEN ARRAY['closed']
                 WHEN s.amount_deposited > 0 AND 'disputed' = ANY (f.kinds) THEN ARRAY['disputed']
                 WHEN s.amount_deposited > 0 THEN ARRAY['funded']
                 WHEN 'deposited' = ANY (f.kinds) THEN ARRAY['deposit_seen']
                 WHEN 'created' = ANY (f.kinds) THEN ARRAY['awaiting_deposit', 'expired']
                 ELSE ARRAY['deploying', 'failed'] END)""",
    "what is final and moves money is booked, and nothing else is": """
        SELECT id, key, state, entry_id FROM strongroom.escrow_effects
         WHERE (state = 'final' AND kind IN ('deposited', 'released', 'refunded', 'reclaimed'))
               <> (entry_id IS NOT NULL)
            OR (entry_id IS NOT NULL AND (bookings < 1 OR subject_id IS NULL))""",
    "every entry of a contract's money is of exactly one effect, of its amount": """
        SELECT coalesce(e.id, f.entry_id), e.amount, f.amount, f.effects
          FROM (SELECT e.id, abs(sum(l.amount)) AS amount
                  FROM ledger.entries e
                  JOIN ledger.postings l ON l.entry_id = e.id
                  JOIN ledger.accounts a ON a.id = l.account_id
                 WHERE starts_with(a.path, 'assets:chain:')
                   AND split_part(a.path, ':', 4) = 'escrow'
                   AND NOT EXISTS (
                         SELECT FROM ledger.reversals v
                          WHERE v.reverses_id = e.id OR v.entry_id = e.id)
                 GROUP BY e.id) e
          FULL JOIN (SELECT entry_id, sum(amount) AS amount, count(*) AS effects
                       FROM strongroom.escrow_effects WHERE entry_id IS NOT NULL
                      GROUP BY entry_id) f ON f.entry_id = e.id
         WHERE e.amount IS DISTINCT FROM f.amount OR f.effects <> 1""",
    "a refund on chain has succeeded if and only if it is booked": """
        SELECT id, status, booked FROM strongroom.refunds
         WHERE provider = 'evm' AND (status = 'succeeded') <> (booked = 'refunded')""",
    "an order with an escrow is paid while a payment of it is charged": """
        SELECT o.id, o.status FROM strongroom.orders o
         WHERE o.id IN (SELECT order_id FROM strongroom.escrows) AND o.status IN ('open', 'paid')
           AND (o.status = 'paid') <> EXISTS (
                 SELECT FROM strongroom.payments p
                  WHERE p.order_id = o.id AND p.amount_captured > 0)""",
    "what our transactions cost is booked once": """
        SELECT coalesce(i.id, e.intent_id), i.gas_paid, e.amount
          FROM (SELECT id, gas_paid, gas_entry_id FROM strongroom.chain_intents
                 WHERE gas_entry_id IS NOT NULL) i
          FULL JOIN (SELECT e.id, split_part(e.effect_key, ':', 1) AS intent_id,
                            sum(l.amount) FILTER (WHERE l.amount > 0) AS amount
                       FROM ledger.entries e JOIN ledger.postings l ON l.entry_id = e.id
                      WHERE e.kind = 'chain.gas'
                        AND NOT EXISTS (
                         SELECT FROM ledger.reversals v
                          WHERE v.reverses_id = e.id OR v.entry_id = e.id)
                      GROUP BY e.id) e ON e.id = i.gas_entry_id
         WHERE i.gas_paid IS DISTINCT FROM e.amount OR i.id IS DISTINCT FROM e.intent_id""",
}
