-- What holds whoever writes, the owner of the tables included.

-- One query over all new postings, first by entry and then by account. The names are qualified
-- instead of a SET clause and the look-ups are scalar subqueries instead of joins, because
-- PostgreSQL may turn a join into a scan of the whole journal.
CREATE FUNCTION ledger.check_new_postings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM new_postings n
     GROUP BY entry_id, asset_id
    HAVING sum(amount) <> 0
        OR min(occurred_at) <= (SELECT max(closed_through) FROM ledger.closed_periods)
        OR min(occurred_at) <> max(occurred_at)
        OR (SELECT e.occurred_at FROM ledger.entries e WHERE e.id = n.entry_id)
           IS DISTINCT FROM min(occurred_at)
    UNION ALL
    SELECT FROM (SELECT DISTINCT account_id, asset_id FROM new_postings) n
     WHERE (SELECT b.asset_id FROM ledger.balances b WHERE b.account_id = n.account_id)
           IS DISTINCT FROM n.asset_id)
  THEN
    PERFORM ledger.explain_postings(array_agg(ROW (n.*)::ledger.postings)) FROM new_postings n;
  END IF;
  RETURN NULL;
END $$;

-- Only reached when something is wrong: raises the most telling reason.
CREATE FUNCTION ledger.explain_postings(p_postings ledger.postings[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  closed timestamptz := (SELECT max(closed_through) FROM ledger.closed_periods);
  wrong record;
BEGIN
  SELECT n.account_id INTO wrong FROM unnest(p_postings) n
   WHERE NOT EXISTS (SELECT FROM ledger.balances b WHERE b.account_id = n.account_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'there is no account %', wrong.account_id USING ERRCODE = 'LE002';
  END IF;
  SELECT n.occurred_at INTO wrong FROM unnest(p_postings) n WHERE n.occurred_at <= closed LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the books are closed through %; this entry occurred at %', closed, wrong.occurred_at
      USING ERRCODE = 'LE003';
  END IF;
  SELECT a.code, sum(n.amount) AS excess INTO wrong
    FROM unnest(p_postings) n JOIN ledger.assets a ON a.id = n.asset_id
   GROUP BY n.entry_id, a.code HAVING sum(n.amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'debits and credits differ by % in %', wrong.excess, wrong.code
      USING ERRCODE = 'LE001';
  END IF;
  RAISE EXCEPTION 'a posting differs from its account''s asset or its entry''s time'
    USING ERRCODE = 'LE004';
END $$;

CREATE TRIGGER balanced_and_referenced
  AFTER INSERT ON ledger.postings REFERENCING NEW TABLE AS new_postings
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_new_postings();

-- Holds and floors are for strict accounts. A trigger and no CHECK, because posting does not touch
-- these columns and should not pay for them.
CREATE FUNCTION ledger.check_reserves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.held < 0 OR (new.mode = 'deferred' AND (new.floor IS NOT NULL OR new.held <> 0)) THEN
    RAISE EXCEPTION 'account %: only strict accounts have a floor or holds, and held is not negative', new.account_id
      USING ERRCODE = '23514', CONSTRAINT = 'balances_reserves';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER reserves BEFORE INSERT OR UPDATE OF floor, held ON ledger.balances
  FOR EACH ROW EXECUTE FUNCTION ledger.check_reserves();

-- A reversal is the exact mirror of what it reverses.
CREATE FUNCTION ledger.check_mirror() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT account_id, line, amount FROM ledger.postings WHERE entry_id = new.entry_id
    EXCEPT SELECT account_id, line, -amount FROM ledger.postings WHERE entry_id = new.reverses_id
  ) OR (SELECT count(*) FROM ledger.postings WHERE entry_id = new.entry_id)
    <> (SELECT count(*) FROM ledger.postings WHERE entry_id = new.reverses_id)
  THEN
    RAISE EXCEPTION 'entry % is not the mirror of entry %', new.entry_id, new.reverses_id
      USING ERRCODE = 'LE005';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER exact_mirror AFTER INSERT ON ledger.reversals
  FOR EACH ROW EXECUTE FUNCTION ledger.check_mirror();

-- Append-only tables, and columns that never change. A trigger on `UPDATE OF column` does not
-- fire for posting's own update of version and posted, so it costs nothing there.
CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on %.% is not allowed: the ledger is append-only', tg_op, tg_table_schema, tg_table_name
    USING ERRCODE = '42501';
END $$;

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['entries', 'postings', 'reversals', 'roll_ranges', 'seals', 'closed_periods'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse()', name);
  END LOOP;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON ledger.assets FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON ledger.accounts FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER identity_fixed BEFORE UPDATE OF account_id, asset_id, mode, side OR DELETE OR TRUNCATE
  ON ledger.balances FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER identity_fixed BEFORE UPDATE OF id, effect_key, account_id, amount, placed_at OR DELETE OR TRUNCATE
  ON ledger.holds FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
