-- Balances, now and at any moment. Debits are positive.

CREATE FUNCTION ledger.balance_now(p_account bigint) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = ledger, pg_temp
BEGIN ATOMIC
  SELECT b.posted + CASE b.mode WHEN 'strict' THEN 0 ELSE (
           SELECT coalesce(sum(p.amount), 0) FROM ledger.postings p
            WHERE p.account_id = b.account_id AND p.seq > b.rolled_to) END
    FROM ledger.balances b WHERE b.account_id = p_account;
END;

-- The balance of all postings that occurred at or before a moment. Roll points that end before it
-- count whole, those that begin after it not at all; only the few that straddle it, and what is
-- not rolled up yet, are read posting by posting.
CREATE FUNCTION ledger.balance_occurred(p_account bigint, p_at timestamptz) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ledger, pg_temp
BEGIN ATOMIC
  SELECT coalesce((
           SELECT sum(CASE WHEN r.occurred_to <= p_at THEN r.amount ELSE (
                    SELECT coalesce(sum(p.amount), 0) FROM ledger.postings p
                     WHERE p.account_id = r.account_id AND p.seq > r.from_seq AND p.seq <= r.upto_seq
                       AND p.occurred_at <= p_at) END)
             FROM ledger.roll_points r
            WHERE r.account_id = b.account_id AND r.upto_seq <= b.rolled_to AND r.occurred_from <= p_at), 0)
       + coalesce((
           SELECT sum(p.amount) FROM ledger.postings p
            WHERE p.account_id = b.account_id AND p.seq > b.rolled_to AND p.occurred_at <= p_at), 0)
    FROM ledger.balances b WHERE b.account_id = p_account;
END;

-- The same by the moment the postings were recorded: what the books said then.
CREATE FUNCTION ledger.balance_recorded(p_account bigint, p_at timestamptz) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ledger, pg_temp
BEGIN ATOMIC
  SELECT coalesce((
           SELECT sum(CASE WHEN r.recorded_to <= p_at THEN r.amount ELSE (
                    SELECT coalesce(sum(p.amount), 0) FROM ledger.postings p
                     WHERE p.account_id = r.account_id AND p.seq > r.from_seq AND p.seq <= r.upto_seq
                       AND p.recorded_at <= p_at) END)
             FROM ledger.roll_points r
            WHERE r.account_id = b.account_id AND r.upto_seq <= b.rolled_to AND r.recorded_from <= p_at), 0)
       + coalesce((
           SELECT sum(p.amount) FROM ledger.postings p
            WHERE p.account_id = b.account_id AND p.seq > b.rolled_to AND p.recorded_at <= p_at), 0)
    FROM ledger.balances b WHERE b.account_id = p_account;
END;
