"""Truths about payouts to sellers and their entries: each a query that must return no row."""

INVARIANTS: dict[str, str] = {
    "a release owes its seller one payout of their part, and no payout is without one": """
        SELECT coalesce(r.id, p.release_id), r.part, p.amount
          FROM (SELECT id, amount - platform_fee - tax - set_off AS part
                  FROM strongroom.releases WHERE status = 'posted' AND escrow_id IS NULL
                   AND amount > platform_fee + tax + set_off) r
          FULL JOIN strongroom.seller_payouts p ON p.release_id = r.id
         WHERE r.part IS DISTINCT FROM p.amount""",
    "a payout was sent if and only if its entry is booked, whole": """
        SELECT coalesce(a.effect_key, e.effect_key), a.amount, e.amount
          FROM (SELECT payout_id || ':paid' || CASE number WHEN 1 THEN '' ELSE ':' || number END
                         AS effect_key, amount
                  FROM strongroom.seller_payout_attempts WHERE state = 'paid') a
          FULL JOIN (SELECT e.effect_key, sum(l.amount) AS amount
                       FROM ledger.entries e
                       JOIN ledger.postings l ON l.entry_id = e.id
                       JOIN ledger.accounts c ON c.id = l.account_id
                      WHERE e.kind = 'payout' AND starts_with(c.path, 'liabilities:seller:')
                      GROUP BY e.effect_key) e ON e.effect_key = a.effect_key
         WHERE a.amount IS DISTINCT FROM e.amount""",
    "what came back of a payout is what was booked back": """
        SELECT coalesce(a.payout_id, e.payout_id), a.returned, e.returned
          FROM (SELECT payout_id, sum(amount_returned) AS returned
                  FROM strongroom.seller_payout_attempts
                 WHERE amount_returned > 0 GROUP BY payout_id) a
          FULL JOIN (SELECT split_part(e.effect_key, ':', 1) AS payout_id,
                            sum(-l.amount) AS returned
                       FROM ledger.entries e
                       JOIN ledger.postings l ON l.entry_id = e.id
                       JOIN ledger.accounts c ON c.id = l.account_id
                      WHERE e.kind = 'payout.returned'
                        AND starts_with(c.path, 'liabilities:seller:')
                      GROUP BY 1) e ON e.payout_id = a.payout_id
         WHERE a.returned IS DISTINCT FROM e.returned""",
    "what of a payout is paid is what was sent and did not come back": """
        SELECT p.id, p.amount_paid, coalesce(a.amount, 0)
          FROM strongroom.seller_payouts p
          LEFT JOIN (SELECT payout_id, sum(amount - amount_returned) AS amount
                       FROM strongroom.seller_payout_attempts WHERE state = 'paid'
                      GROUP BY payout_id) a ON a.payout_id = p.id
         WHERE p.amount_paid <> coalesce(a.amount, 0)""",
    "a payout under way has its money held, and one that is over does not": """
        SELECT coalesce(p.id, h.payout_id), p.status, h.amount
          FROM (SELECT id, status, hold_id FROM strongroom.seller_payouts
                 WHERE status NOT IN ('paid', 'failed')) p
          FULL JOIN (SELECT id, split_part(effect_key, ':', 1) AS payout_id, amount
                       FROM ledger.holds
                      WHERE state = 'open' AND starts_with(effect_key, 'pyo_')) h
            ON h.id = p.hold_id
         WHERE p.id IS NULL OR h.id IS NULL OR h.payout_id <> p.id""",
    "what is owed to a seller is what was released to them and not paid out": """
        SELECT coalesce(o.seller_id, b.seller_id), coalesce(o.currency, b.currency), o.owed,
               b.balance
          FROM (SELECT seller_id, currency, sum(amount) AS owed
                  FROM (SELECT seller_id, currency, amount - platform_fee - tax - set_off AS amount
                          FROM strongroom.releases
                         WHERE status = 'posted' AND escrow_id IS NULL
                        UNION ALL
                        SELECT seller_id, currency, -amount_paid
                          FROM strongroom.seller_payouts) each
                 GROUP BY seller_id, currency) o
          FULL JOIN (SELECT substr(c.path, length('liabilities:seller:') + 1) AS seller_id,
                            s.code AS currency, -ledger.balance_now(c.id) AS balance
                       FROM ledger.accounts c JOIN ledger.assets s ON s.id = c.asset_id
                      WHERE starts_with(c.path, 'liabilities:seller:')) b
            ON b.seller_id = o.seller_id AND b.currency = o.currency
         WHERE coalesce(o.owed, 0) <> coalesce(b.balance, 0)""",
}
