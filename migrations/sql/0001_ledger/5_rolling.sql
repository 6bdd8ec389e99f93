-- The roller: sums whole ranges of postings, so that balances stay quick to read.

-- Moves the watermark: every entry up to `settled_to` is committed or rolled back for good.
-- Posters take their transaction id before their entry ids. Here the sequence is read first and
-- our own transaction id taken second; so once every transaction older than ours has ended, all
-- entry ids up to what we read are settled. That is found out by the next call.
CREATE FUNCTION ledger.advance_watermark() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp
AS $$
DECLARE
  last_id bigint;
  mark watermark;
BEGIN
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'advance the watermark in a transaction that has not written yet';
  END IF;
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO last_id FROM entry_ids;
  PERFORM pg_current_xact_id();
  SELECT * INTO mark FROM watermark FOR UPDATE;
  -- A database restored into a younger cluster remembers a transaction id from the future.
  IF mark.candidate_xid <= pg_snapshot_xmin(pg_current_snapshot()) THEN
    mark.settled_to := greatest(mark.settled_to, mark.candidate);
  END IF;
  UPDATE watermark SET settled_to = mark.settled_to, candidate = last_id,
                       candidate_xid = pg_current_xact_id();
  RETURN mark.settled_to;
END $$;

-- Rolls up one account: its settled postings since the last roll point become one roll point for
-- every 5,000. Returns how many postings were rolled.
CREATE FUNCTION ledger.roll_account(p_account bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp
AS $$
DECLARE
  account balances;
  upto bigint;
  rolled_count bigint;
  rolled_amount numeric;
BEGIN
  SELECT * INTO STRICT account FROM balances WHERE account_id = p_account FOR NO KEY UPDATE;
  upto := CASE account.mode WHEN 'strict' THEN account.version
          ELSE (SELECT settled_to * 1024 + 1023 FROM watermark) END;

  WITH numbered AS (
    SELECT p.*, (row_number() OVER (ORDER BY seq) - 1) / 5000 AS block
      FROM postings p WHERE p.account_id = p_account AND seq > account.rolled_to AND seq <= upto),
  blocks AS (
    SELECT block, count(*) AS postings, sum(amount) AS amount, max(seq) AS upto_seq,
           min(occurred_at) AS occurred_from, max(occurred_at) AS occurred_to,
           min(recorded_at) AS recorded_from, max(recorded_at) AS recorded_to
      FROM numbered GROUP BY block),
  written AS (
    INSERT INTO roll_points (account_id, from_seq, upto_seq, posting_count, amount,
                             occurred_from, occurred_to, recorded_from, recorded_to)
    SELECT p_account, coalesce(lag(upto_seq) OVER (ORDER BY block), account.rolled_to), upto_seq,
           postings, amount, occurred_from, occurred_to, recorded_from, recorded_to
      FROM blocks
    RETURNING posting_count, amount, upto_seq)
  SELECT coalesce(sum(posting_count), 0), coalesce(sum(amount), 0), max(upto_seq)
    INTO rolled_count, rolled_amount, upto FROM written;

  IF rolled_count > 0 THEN
    UPDATE balances b
       SET rolled_to = upto,
           version = b.version + CASE b.mode WHEN 'deferred' THEN rolled_count ELSE 0 END,
           posted = b.posted + CASE b.mode WHEN 'deferred' THEN rolled_amount ELSE 0 END
     WHERE account_id = p_account;
  END IF;
  RETURN rolled_count;
END $$;

-- Accounts with at least `p_least` postings not rolled up yet.
CREATE FUNCTION ledger.accounts_to_roll(p_least int) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = ledger, pg_temp
BEGIN ATOMIC
  SELECT b.account_id FROM ledger.balances b
   WHERE CASE b.mode
         WHEN 'strict' THEN b.version - b.rolled_to >= p_least
         ELSE EXISTS (SELECT FROM ledger.postings p
                       WHERE p.account_id = b.account_id AND p.seq > b.rolled_to
                       ORDER BY p.seq OFFSET p_least - 1 LIMIT 1) END;
END;
