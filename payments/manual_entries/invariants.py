"""Truths about entries by hand and closed months: each a query that must return no row."""

INVARIANTS: dict[str, str] = {
    "an entry by hand is posted if and only if the journal has it": """
        SELECT m.id, e.id
          FROM (SELECT id, entry_id FROM strongroom.manual_entries WHERE status = 'posted') m
          FULL JOIN (SELECT id FROM ledger.entries
                      WHERE kind = 'manual' AND starts_with(effect_key, 'jrn_')) e
            ON e.id = m.entry_id
         WHERE m.id IS NULL
            OR (e.id IS NULL AND NOT EXISTS (
                  SELECT FROM ledger.reversals v WHERE v.entry_id = m.entry_id))""",
    "an entry by hand was posted with the lines that were approved": """
        SELECT m.id, m.entry_id
          FROM strongroom.manual_entries m
         WHERE m.status = 'posted' AND (
           EXISTS (SELECT l.line::int, l.account, l.asset, l.amount
                     FROM strongroom.manual_entry_lines l WHERE l.entry_id = m.id
                   EXCEPT
                   SELECT p.line::int, a.path, s.code, p.amount::numeric
                     FROM ledger.postings p JOIN ledger.accounts a ON a.id = p.account_id
                     JOIN ledger.assets s ON s.id = a.asset_id WHERE p.entry_id = m.entry_id)
           OR (SELECT count(*) FROM strongroom.manual_entry_lines l WHERE l.entry_id = m.id)
              <> (SELECT count(*) FROM ledger.postings p WHERE p.entry_id = m.entry_id))""",
    "an entry by hand knows what reversed it": """
        SELECT m.id, m.reversed_by_entry_id, v.entry_id
          FROM strongroom.manual_entries m
          LEFT JOIN ledger.reversals v ON v.reverses_id = m.entry_id
         WHERE m.reversed_by_entry_id IS DISTINCT FROM v.entry_id""",
    "an entry that undoes itself was undone within two days of its day": """
        SELECT id, auto_reverse_on FROM strongroom.manual_entries
         WHERE auto_reverse_on < (now() AT TIME ZONE 'UTC')::date - 2
           AND status = 'posted' AND reversed_by_entry_id IS NULL
           AND decided_at < now() - interval '2 days'""",
    "the books are closed as far as the months are": """
        SELECT c.month, ledger.closed_through()
          FROM strongroom.period_closings c
         WHERE c.state <> 'reopened'
           AND coalesce(ledger.closed_through(), '-infinity')
               < ((c.month || '-01')::timestamp + interval '1 month'
                  - interval '1 microsecond') AT TIME ZONE 'UTC'""",
}
