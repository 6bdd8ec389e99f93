-- Balances, now and at any moment. Debits are positive.

CREATE FUNCTION ledger.balance_now(p_account bigint) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = ledger, pg_temp
BEGIN ATOMIC
  SELECT b.posted + CASE b.mode WHEN 'strict' THEN 0 ELSE (
           SELECT coalesce(sum(p.amount), 0) FROM ledger.postings p
            WHERE p.account_id = b.account_id AND p.seq > b.rolled_to) END
    FROM ledger.balances b WHERE b.account_id = p_account;
END;

-- The balance at a moment, by when postings occurred or by when they were recorded: whole days,
-- then whole hours, then the ranges of the hour in question (only those that straddle the moment
-- are read posting by posting), then what is not rolled up yet.
CREATE FUNCTION ledger.balance_at(p_account bigint, p_axis text, p_at timestamptz) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ledger, pg_temp
BEGIN ATOMIC
  WITH wanted AS (
    SELECT date_trunc('day', p_at, 'UTC') AS day, date_trunc('hour', p_at, 'UTC') AS hour)
  SELECT coalesce((
           SELECT sum(s.amount) FROM ledger.roll_sums s
            WHERE s.account_id = p_account AND s.axis = p_axis AND s.grain = 'day'
              AND s.starts_at < w.day), 0)
       + coalesce((
           SELECT sum(s.amount) FROM ledger.roll_sums s
            WHERE s.account_id = p_account AND s.axis = p_axis AND s.grain = 'hour'
              AND s.starts_at >= w.day AND s.starts_at < w.hour), 0)
       + coalesce((
           SELECT sum(CASE WHEN r.at_to <= p_at THEN r.amount ELSE (
                    SELECT coalesce(sum(p.amount), 0) FROM ledger.postings p
                     WHERE p.account_id = p_account AND p.seq >= r.from_seq AND p.seq <= r.upto_seq
                       AND CASE p_axis WHEN 'occurred' THEN p.occurred_at ELSE p.recorded_at END <= p_at) END)
             FROM ledger.roll_ranges r
            WHERE r.account_id = p_account AND r.axis = p_axis AND r.hour = w.hour AND r.at_from <= p_at), 0)
       + coalesce((
           SELECT sum(p.amount) FROM ledger.postings p
            WHERE p.account_id = p_account AND p.seq > b.rolled_to
              AND CASE p_axis WHEN 'occurred' THEN p.occurred_at ELSE p.recorded_at END <= p_at), 0)
    FROM ledger.balances b CROSS JOIN wanted w WHERE b.account_id = p_account;
END;
