"""Truths about statements and the ledger: each a query that must return no row."""

INVARIANTS: dict[str, str] = {
    "what is open of what is expected is what is on its way to the bank": """
        SELECT s.code, o.open, ledger.balance_now(a.id), u.unread
          FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id
          LEFT JOIN (SELECT currency, sum(amount - matched_amount) AS open
                       FROM strongroom.expectations GROUP BY currency) o ON o.currency = s.code
         CROSS JOIN LATERAL (
           SELECT sum(p.amount) AS unread
             FROM ledger.postings p JOIN ledger.entries e ON e.id = p.entry_id
            WHERE p.account_id = a.id AND NOT starts_with(e.kind, 'statement')
              AND NOT EXISTS (SELECT FROM strongroom.expectations x
                               WHERE x.entry_id = p.entry_id AND x.line = p.line
                                 AND x.amount = p.amount)) u
         WHERE a.path = 'assets:bank:clearing'
           AND COALESCE(o.open, 0) + COALESCE(u.unread, 0) <> ledger.balance_now(a.id)""",
    "what is in suspense is what lines and receipts say is unexplained": """
        SELECT s.code, ledger.balance_now(a.id), w.amount
          FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id
          LEFT JOIN (
            SELECT currency, sum(amount) AS amount FROM (
              SELECT currency, amount FROM strongroom.statement_lines WHERE booked = 'suspense'
              UNION ALL
              SELECT currency, amount - amount_applied - amount_returned
                FROM strongroom.bank_receipts
               WHERE amount_applied + amount_returned < amount
              UNION ALL  -- asked for, and not gone yet
              SELECT currency, amount FROM strongroom.refunds
               WHERE receipt_id IS NOT NULL AND booked = 'nothing' AND status = 'pending'
            ) waiting GROUP BY currency) w ON w.currency = s.code
         WHERE a.path = 'assets:suspense:unmatched'
           AND ledger.balance_now(a.id) <> -COALESCE(w.amount, 0)""",
    "a statement line is booked where it says": """
        SELECT l.id, l.booked, l.amount, m.banked, m.suspended
          FROM strongroom.statement_lines l
          FULL JOIN (
            SELECT COALESCE(t.line_id, split_part(e.effect_key, ':', 1)) AS line_id,
                   sum(p.amount) FILTER (WHERE a.path = 'assets:suspense:unmatched') AS suspended,
                   sum(p.amount) FILTER (WHERE starts_with(a.path, 'assets:bank:')
                                           AND a.path <> 'assets:bank:clearing') AS banked
              FROM ledger.entries e
              JOIN ledger.postings p ON p.entry_id = e.id
              JOIN ledger.accounts a ON a.id = p.account_id
              LEFT JOIN strongroom.matches t ON t.id = split_part(e.effect_key, ':', 1)
             WHERE e.kind IN ('statement', 'statement.match', 'statement.undo')
             GROUP BY 1) m ON m.line_id = l.id
         WHERE l.id IS NULL
            OR COALESCE(m.banked, 0) <> CASE l.booked WHEN 'nothing' THEN 0 ELSE l.amount END
            OR COALESCE(m.suspended, 0)
               <> CASE l.booked WHEN 'suspense' THEN -l.amount ELSE 0 END""",
    "a matched line has one match, whose parts add up to it": """
        SELECT l.id, l.state, l.amount, m.amount
          FROM strongroom.statement_lines l
          LEFT JOIN (
            SELECT t.line_id, sum(p.amount) AS amount
              FROM strongroom.matches t JOIN strongroom.match_parts p ON p.match_id = t.id
             WHERE t.state = 'active' GROUP BY t.line_id) m ON m.line_id = l.id
         WHERE (l.state IN ('matched', 'discarded')) <> (m.line_id IS NOT NULL)
            OR m.amount <> l.amount""",
    "what is matched of an expectation is the sum of its parts": """
        SELECT e.id, e.matched_amount, p.amount
          FROM strongroom.expectations e
          LEFT JOIN (
            SELECT p.expectation_id, sum(p.amount) AS amount
              FROM strongroom.match_parts p
              JOIN strongroom.matches t ON t.id = p.match_id AND t.state = 'active'
             WHERE p.expectation_id IS NOT NULL
             GROUP BY p.expectation_id) p ON p.expectation_id = e.id
         WHERE e.matched_amount <> COALESCE(p.amount, 0)""",
}
