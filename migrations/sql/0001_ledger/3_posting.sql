-- The only writer of postings.
--
-- One call writes a batch of any number of entries in a fixed number of steps. It checks nothing
-- beforehand: the constraints and guards refuse, and then the whole batch is undone and `refusal`
-- says why. ledger/posting.py then finds out which entries were meant and posts the others.
--
-- Entry i has the key p_keys[i] and so on. Its postings are those with p_entry = i, in the order
-- given, numbered by p_line.
CREATE FUNCTION ledger.append_entries(
  p_keys text[], p_fingerprints bytea[], p_kinds text[], p_occurred timestamptz[],
  p_descriptions text[], p_metadata jsonb[],
  p_entry int[], p_line smallint[], p_account bigint[], p_amount numeric[],
  OUT entry_ids bigint[], OUT refusal jsonb)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning anew for each batch costs a third of posting it
SET enable_seqscan = off                  -- balances are found, and so locked, in the order of their ids
SET jit = off
AS $$
DECLARE
  transaction_id xid8;
  state text; broken text; reason text;
BEGIN
  -- Outside the savepoint below, so that a period is never closed between two attempts.
  LOCK TABLE entries IN ROW EXCLUSIVE MODE;
  BEGIN
    transaction_id := pg_current_xact_id();  -- before nextval: advance_watermark() relies on it
    FOR i IN 1 .. cardinality(p_keys) LOOP
      entry_ids[i] := nextval('entry_ids');
    END LOOP;

    WITH lines AS MATERIALIZED (
      SELECT * FROM unnest(p_entry, p_line, p_account, p_amount) WITH ORDINALITY
             AS l (entry, line, account_id, amount, n)),
    movements AS MATERIALIZED (
      SELECT account_id, count(*) AS postings, sum(amount) AS amount
        FROM lines GROUP BY account_id ORDER BY account_id),
    -- Lock, read and write the strict balances in one step, in the order of their ids.
    strict AS (
      UPDATE balances b SET version = b.version + m.postings, posted = b.posted + m.amount
        FROM movements m WHERE b.account_id = m.account_id AND b.mode = 'strict'
      RETURNING b.account_id, b.asset_id, b.side, b.floor + b.held AS least,
                b.version - m.postings AS version_before, b.posted - m.amount AS posted_before),
    -- After all balance locks (that is what the count is for), and in the order of the keys, so
    -- that two batches with the same keys wait for each other instead of deadlocking.
    headers AS (
      INSERT INTO entries (id, effect_key, fingerprint, kind, occurred_at, recorded_at, description, metadata)
      SELECT h.id, h.key, h.fingerprint, h.kind, h.occurred_at, clock_timestamp(), h.description, h.metadata
        FROM unnest(entry_ids, p_keys, p_fingerprints, p_kinds, p_occurred, p_descriptions, p_metadata)
             AS h (id, key, fingerprint, kind, occurred_at, description, metadata)
       WHERE (SELECT count(*) FROM strict) >= 0
       ORDER BY h.key),
    touched AS MATERIALIZED (
      SELECT m.account_id, coalesce(s.asset_id, d.asset_id) AS asset_id,
             s.side, s.least, s.version_before, s.posted_before
        FROM movements m
        LEFT JOIN strict s ON s.account_id = m.account_id
        LEFT JOIN balances d   -- looks up the deferred ones only
          ON d.account_id = CASE WHEN s.account_id IS NULL THEN m.account_id END),
    numbered AS (
      SELECT l.*, t.asset_id, t.side, t.least,
             t.version_before + row_number() OVER account AS version,
             t.posted_before + sum(l.amount) OVER account AS balance_after,
             lead(l.entry) OVER account AS next_entry
        FROM lines l LEFT JOIN touched t ON t.account_id = l.account_id
      WINDOW account AS (PARTITION BY l.account_id ORDER BY l.n))
    INSERT INTO postings (entry_id, account_id, seq, occurred_at, recorded_at, amount, balance_after, asset_id, line)
    SELECT entry_ids[entry], account_id, coalesce(version, entry_ids[entry] * 1024 + line),
           p_occurred[entry], clock_timestamp(), amount,
           -- The CHECK on balances sees the end of the batch only; no entry inside it may pass
           -- below the floor either.
           CASE WHEN side * balance_after < least AND entry IS DISTINCT FROM next_entry
                THEN below_floor(account_id) ELSE balance_after END,
           asset_id, line
      FROM numbered;
  EXCEPTION
    WHEN integrity_constraint_violation OR SQLSTATE 'LE001' OR SQLSTATE 'LE002'
      OR SQLSTATE 'LE003' OR SQLSTATE 'LE004' THEN
      GET STACKED DIAGNOSTICS
        state = RETURNED_SQLSTATE, broken = CONSTRAINT_NAME, reason = MESSAGE_TEXT;
      entry_ids := NULL;
      refusal := jsonb_build_object('sqlstate', state, 'constraint', broken, 'message', reason);
  END;
END $$;

CREATE FUNCTION ledger.below_floor(p_account bigint) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'account % would fall below its floor', p_account
    USING ERRCODE = '23514', CONSTRAINT = 'balances_floor';
END $$;

-- Locks the strict balances among `p_accounts` in the one order everybody uses. Call it before
-- anything that would otherwise lock them one after the other.
CREATE FUNCTION ledger.lock_accounts(p_accounts bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp AS $$
BEGIN
  LOCK TABLE entries IN ROW EXCLUSIVE MODE;
  PERFORM FROM balances WHERE account_id = ANY (p_accounts) AND mode = 'strict'
   ORDER BY account_id FOR NO KEY UPDATE;
END $$;

-- Ties a reversal to what it reverses; the trigger in 2_guards.sql compares the two.
CREATE FUNCTION ledger.link_reversal(p_entry bigint, p_reverses bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
  INSERT INTO reversals (entry_id, reverses_id) VALUES (p_entry, p_reverses);
$$;

-- Closes the books through a moment: waits for entries being written, then refuses older ones.
CREATE FUNCTION ledger.close_books(p_through timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp AS $$
BEGIN
  LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE;  -- meets the lock of append_entries
  INSERT INTO closed_periods (closed_through) VALUES (p_through) ON CONFLICT DO NOTHING;
END $$;
