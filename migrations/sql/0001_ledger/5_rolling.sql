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

-- Rolls up one account: its settled postings since the last time. Returns how many they were.
CREATE FUNCTION ledger.roll_account(p_account bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp
AS $$
DECLARE
  account balances;
  last_seq bigint;
  rolled_count bigint;
  rolled_amount numeric;
BEGIN
  SELECT * INTO STRICT account FROM balances WHERE account_id = p_account FOR NO KEY UPDATE;
  last_seq := CASE account.mode WHEN 'strict' THEN account.version
              ELSE (SELECT settled_to * 1024 + 1023 FROM watermark) END;

  WITH placed AS (
    SELECT p.seq, p.amount, t.axis, t.at, h.hour,
           row_number() OVER (PARTITION BY t.axis ORDER BY p.seq) AS place,
           row_number() OVER (PARTITION BY t.axis, h.hour ORDER BY p.seq) AS place_in_hour
      FROM postings p
     CROSS JOIN LATERAL (VALUES ('occurred', p.occurred_at), ('recorded', p.recorded_at)) AS t (axis, at)
     CROSS JOIN LATERAL date_trunc('hour', t.at, 'UTC') AS h (hour)
     WHERE p.account_id = p_account AND p.seq > account.rolled_to AND p.seq <= last_seq),
  ranges AS (
    INSERT INTO roll_ranges (account_id, axis, hour, from_seq, upto_seq, posting_count, amount, at_from, at_to)
    SELECT p_account, axis, hour, min(seq), max(seq), count(*), sum(amount), min(at), max(at)
      FROM placed
     -- Consecutive postings of one hour differ by the same number from their place in the hour.
     GROUP BY axis, hour, place - place_in_hour, (place - 1) / 2000
    RETURNING axis, hour, upto_seq, posting_count, amount),
  sums AS (
    INSERT INTO roll_sums (account_id, axis, grain, starts_at, amount)
    SELECT p_account, r.axis, g.grain, date_trunc(g.grain, r.hour, 'UTC') AS starts_at, sum(r.amount)
      FROM ranges r CROSS JOIN (VALUES ('hour'), ('day')) AS g (grain)
     GROUP BY r.axis, g.grain, starts_at
    ON CONFLICT (account_id, axis, grain, starts_at)
      DO UPDATE SET amount = roll_sums.amount + excluded.amount)
  SELECT coalesce(sum(posting_count), 0), coalesce(sum(amount), 0), max(upto_seq)
    INTO rolled_count, rolled_amount, last_seq
    FROM ranges WHERE axis = 'recorded';

  IF rolled_count > 0 THEN
    UPDATE balances b
       SET rolled_to = last_seq,
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
