"""Truths about releases, freezes and sellers' debts: each a query that must return no row."""

INVARIANTS: dict[str, str] = {
    "a release is posted if and only if its entry is": """
        SELECT coalesce(r.id, e.release_id), r.status, e.entries
          FROM (SELECT id, status FROM strongroom.releases WHERE status = 'posted') r
          FULL JOIN (SELECT split_part(effect_key, ':', 1) AS release_id, count(*) AS entries
                       FROM ledger.entries e
                      WHERE kind = 'release'
                        AND NOT EXISTS (SELECT FROM ledger.reversals v WHERE v.reverses_id = e.id)
                      GROUP BY 1) e ON e.release_id = r.id
         WHERE r.id IS NULL OR e.release_id IS NULL OR e.entries <> 1""",
    "the parts of a release add up to it, and are what was posted": """
        SELECT r.id, e.effect_key
          FROM strongroom.releases r
          JOIN ledger.entries e ON split_part(e.effect_key, ':', 1) = r.id AND e.kind = 'release'
          JOIN LATERAL (
            SELECT coalesce(sum(l.amount) FILTER (WHERE path = 'liabilities:escrow:' || r.order_id),
                            0) AS held,
                   coalesce(sum(l.amount) FILTER (WHERE path = 'income:platform-fees'), 0) AS fee,
                   coalesce(sum(l.amount) FILTER (WHERE path = 'liabilities:tax'), 0) AS tax,
                   coalesce(sum(l.amount) FILTER (WHERE path = 'assets:debts:' || r.seller_id),
                            0) AS debt,
                   coalesce(sum(l.amount) FILTER (WHERE path = 'liabilities:seller:' || r.seller_id
                                                     OR starts_with(path, 'assets:chain:')),
                            0) AS paid
              FROM ledger.postings l JOIN ledger.accounts a ON a.id = l.account_id
             WHERE l.entry_id = e.id) p ON true
         WHERE (p.held, p.fee, p.tax) <> (r.amount, -r.platform_fee, -r.tax)
            OR (p.debt, p.paid) <> CASE WHEN r.escrow_id IS NULL
                 THEN (-r.set_off, r.platform_fee + r.tax + r.set_off - r.amount)
                 ELSE (r.platform_fee + r.tax, -r.amount) END""",
    "an order's releases are no more than the order, nor their fees and taxes than its": """
        SELECT d.id, sum(r.amount), sum(r.platform_fee), sum(r.tax)
          FROM strongroom.orders d JOIN strongroom.releases r ON r.order_id = d.id
         WHERE r.status NOT IN ('failed', 'canceled')
         GROUP BY d.id
        HAVING sum(r.amount) FILTER (WHERE r.status = 'posted' OR r.hold_id IS NOT NULL) > d.amount
            OR sum(r.platform_fee) > d.platform_fee OR sum(r.tax) > d.tax_amount""",
    # On chain others may take the money first: then an open release holds none, and will fail.
    "a release under way has its money held, and one that is over does not": """
        SELECT r.id, r.status, r.amount, h.amount, h.state
          FROM strongroom.releases r LEFT JOIN ledger.holds h ON h.id = r.hold_id
         WHERE (r.status NOT IN ('posted', 'failed', 'canceled') AND h.id IS NULL
                AND r.escrow_id IS NULL)
            OR (h.id IS NOT NULL
                AND (h.state = 'open') <> (r.status NOT IN ('posted', 'failed', 'canceled')))
            OR h.amount <> r.amount""",
    "what is held for an order is what was paid, less what was released and went back": """
        SELECT coalesce(d.id, b.order_id), d.currency, d.held, b.balance
          FROM (SELECT o.id, o.currency,
                       coalesce((SELECT sum(amount_captured) FROM strongroom.payments p
                                  WHERE p.order_id = o.id), 0)
                       - coalesce((SELECT sum(amount) FROM strongroom.releases r
                                    WHERE r.order_id = o.id AND r.status = 'posted'), 0)
                       - coalesce((SELECT sum(r.amount - r.owed) FROM strongroom.refunds r
                                     JOIN strongroom.payments p ON p.id = r.payment_id
                                    WHERE p.order_id = o.id AND r.booked = 'refunded'
                                      AND r.receipt_id IS NULL), 0)
                       - coalesce((SELECT sum(s.amount - s.owed) FROM strongroom.disputes s
                                     JOIN strongroom.payments p ON p.id = s.payment_id
                                    WHERE p.order_id = o.id AND s.booked = 'lost'), 0) AS held
                  FROM strongroom.orders o) d
          FULL JOIN (SELECT substr(a.path, length('liabilities:escrow:') + 1) AS order_id,
                            s.code AS currency, -ledger.balance_now(a.id) AS balance
                       FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id
                      WHERE starts_with(a.path, 'liabilities:escrow:')) b
            ON b.order_id = d.id AND b.currency = d.currency
         WHERE coalesce(d.held, 0) <> coalesce(b.balance, 0)""",
    "what sellers owe is what was missing or paid past us, less what was set off": """
        SELECT coalesce(o.seller_id, a.seller_id), o.currency, o.owed, a.balance
          FROM (SELECT seller_id, currency, sum(owed) AS owed
                  FROM (SELECT d.seller_id, g.currency, g.owed
                          FROM (SELECT payment_id, currency, owed FROM strongroom.refunds
                                UNION ALL
                                SELECT payment_id, currency, owed FROM strongroom.disputes) g
                          JOIN strongroom.payments p ON p.id = g.payment_id
                          JOIN strongroom.orders d ON d.id = p.order_id
                        UNION ALL
                        SELECT seller_id, currency,
                               CASE WHEN escrow_id IS NULL THEN -set_off
                                    ELSE platform_fee + tax END
                          FROM strongroom.releases WHERE status = 'posted') parts
                 GROUP BY seller_id, currency) o
          FULL JOIN (SELECT substr(c.path, length('assets:debts:') + 1) AS seller_id,
                            s.code AS currency, ledger.balance_now(c.id) AS balance
                       FROM ledger.accounts c JOIN ledger.assets s ON s.id = c.asset_id
                      WHERE starts_with(c.path, 'assets:debts:')) a
            ON a.seller_id = o.seller_id AND a.currency = o.currency
         WHERE coalesce(o.owed, 0) <> coalesce(a.balance, 0)""",
    "a release of our money has one payout of what it owes its seller": """
        SELECT coalesce(r.id, p.release_id), r.owed, p.amount
          FROM (SELECT id, amount - platform_fee - tax - set_off AS owed
                  FROM strongroom.releases WHERE status = 'posted' AND escrow_id IS NULL) r
          FULL JOIN strongroom.seller_payouts p ON p.release_id = r.id
         WHERE coalesce(r.owed, 0) <> coalesce(p.amount, 0)""",
    "nothing is posted while it is frozen": """
        SELECT r.id, e.id, f.id
          FROM strongroom.freezes f
          JOIN strongroom.releases r
            ON r.escrow_id IS NULL AND (f.scope = 'all' OR f.order_id = r.order_id)
          JOIN ledger.entries e ON e.effect_key = r.id || ':posted'
         WHERE e.id > f.in_force_after AND (f.lifted_after IS NULL OR e.id <= f.lifted_after)""",
    # By the clock, since sending leaves no entry: a minute for clocks that differ.
    "no release is first sent while it is frozen": """
        SELECT r.id, i.id, f.id
          FROM strongroom.freezes f
          JOIN strongroom.releases r ON f.scope = 'all' OR f.order_id = r.order_id
          JOIN strongroom.chain_intents i ON i.kind = 'release' AND i.subject_id = r.id
         WHERE i.broadcast_at > f.created_at + interval '1 minute'
           AND (f.lifted_at IS NULL OR i.broadcast_at < f.lifted_at - interval '1 minute')""",
}
