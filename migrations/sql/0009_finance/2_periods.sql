-- Closing and reopening. The books are closed through the newest row's moment: closing October and
-- reopening it are two rows, and nothing is ever taken out.
-- (The ledger's table of closings becomes a history; what is in force is its last row.)
ALTER TABLE ledger.closed_periods DROP CONSTRAINT closed_periods_pkey;
ALTER TABLE ledger.closed_periods ALTER closed_through DROP NOT NULL;   -- NULL: nothing is closed
ALTER TABLE ledger.closed_periods ADD number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY;
-- The rows there are were numbered as they lie on disk: what is in force becomes the last of them.
INSERT INTO ledger.closed_periods (closed_through, closed_at)
SELECT closed_through, closed_at FROM (
  SELECT c.*, max(c.closed_through) OVER () AS latest, max(c.number) OVER () AS last
    FROM ledger.closed_periods c) c
 WHERE c.closed_through = c.latest AND c.number <> c.last;

-- As in 0001, but for what is in force: one look at the end of an index, as the maximum was.
CREATE OR REPLACE FUNCTION ledger.check_new_postings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM new_postings n
     GROUP BY entry_id, asset_id
    HAVING sum(amount) <> 0
        OR min(occurred_at) <= (SELECT c.closed_through FROM ledger.closed_periods c
                                 ORDER BY c.number DESC LIMIT 1)
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

-- The one rule of what is in force, for all that is asked rarely.
CREATE FUNCTION ledger.closed_through() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT c.closed_through FROM ledger.closed_periods c ORDER BY c.number DESC LIMIT 1;
$$;

-- The same for whoever is about to post: it waits for a closing under way, and what it returns
-- stays in force until its transaction ends, since closings wait for it. VOLATILE, so that it looks
-- after the lock is had.
CREATE FUNCTION ledger.hold_closed_through() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
  LOCK TABLE entries IN ROW EXCLUSIVE MODE;  -- as append_entries
  RETURN closed_through();
END $$;

CREATE OR REPLACE FUNCTION ledger.explain_postings(p_postings ledger.postings[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  closed timestamptz := ledger.closed_through();
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

-- Closes the books through a moment: waits for entries being written, then refuses older ones.
-- Returns when that was: all that was recorded by then is committed and stays as it is. An earlier
-- moment than what is closed changes nothing.
DROP FUNCTION ledger.close_books(timestamptz);
CREATE FUNCTION ledger.close_books(p_through timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
  at timestamptz;
BEGIN
  LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE;  -- meets the lock of append_entries
  at := clock_timestamp();
  INSERT INTO closed_periods (closed_through, closed_at)
  SELECT p_through, at WHERE p_through > coalesce(closed_through(), '-infinity');
  RETURN at;
END $$;

-- Reopens what was closed last, as far as to what was closed before it. `p_closed` is what the
-- caller believes to be in force; where it is not, nothing happens but an error.
CREATE FUNCTION ledger.reopen_books(p_closed timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
  before timestamptz;
BEGIN
  LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE;
  IF closed_through() IS DISTINCT FROM p_closed THEN
    RAISE EXCEPTION 'the books are closed through %, not %', closed_through(), p_closed
      USING ERRCODE = 'LE006';
  END IF;
  SELECT max(c.closed_through) INTO before FROM closed_periods c WHERE c.closed_through < p_closed;
  INSERT INTO closed_periods (closed_through, closed_at) VALUES (before, clock_timestamp());
  RETURN before;
END $$;

REVOKE ALL ON FUNCTION ledger.closed_through, ledger.hold_closed_through, ledger.close_books,
  ledger.reopen_books FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.closed_through, ledger.hold_closed_through, ledger.close_books,
  ledger.reopen_books TO strongroom_app;

-- Who closed and reopened a month, and what was true when it was closed. Reopening needs a second
-- person. `revision` counts the closings of one month.
CREATE TABLE strongroom.period_closings (
  id text PRIMARY KEY,                               -- per_…
  month text NOT NULL CHECK (month ~ '^\d{4}-(0[1-9]|1[0-2])$'),
  revision int NOT NULL CHECK (revision >= 1),
  state text NOT NULL CHECK (state IN ('closed', 'reopening', 'reopened')),
  checklist jsonb NOT NULL,                          -- what was checked, and what it said
  explanations jsonb NOT NULL,                       -- what the closer said of open items, by id
  as_of timestamptz NOT NULL,                        -- the month's reports show what was recorded by then
  ledger_sequence bigint NOT NULL,                   -- the newest entry of the books at that moment
  sealed_to bigint NOT NULL,                         -- the newest seal then, checked with all before it
  closed_by text NOT NULL,
  closed_at timestamptz NOT NULL,
  reopen_requested_by text,
  reopen_requested_at timestamptz,
  reopen_reason text,
  reopened_by text,
  reopened_at timestamptz,
  UNIQUE (month, revision),
  CHECK ((state = 'closed') = (reopen_requested_by IS NULL)),
  CHECK ((reopen_requested_by IS NULL) = (reopen_requested_at IS NULL)),
  CHECK ((reopen_requested_by IS NULL) = (reopen_reason IS NULL)),
  CHECK ((state = 'reopened') = (reopened_by IS NOT NULL)),
  CHECK ((reopened_by IS NULL) = (reopened_at IS NULL)),
  CHECK (reopened_by <> reopen_requested_by)         -- four eyes
);
CREATE UNIQUE INDEX period_closings_in_force ON strongroom.period_closings (month)
  WHERE state <> 'reopened';

-- The reports of a closed month as they were when it was closed, byte for byte.
CREATE TABLE strongroom.period_reports (
  closing_id text NOT NULL REFERENCES strongroom.period_closings,
  name text NOT NULL,                                -- 'trial-balance', 'monthly-report' …
  format text NOT NULL,                              -- 'csv', 'pdf' …
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  content bytea NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (closing_id, name, format)
);
CREATE TRIGGER period_reports_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.period_reports FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

CREATE TRIGGER period_closings_fixed
  BEFORE UPDATE OF id, month, revision, checklist, explanations, as_of, ledger_sequence, sealed_to,
    closed_by, closed_at OR DELETE OR TRUNCATE
  ON strongroom.period_closings FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
-- Who asked to reopen it stays, and a reopening is for good.
CREATE TRIGGER period_closings_onwards BEFORE UPDATE ON strongroom.period_closings FOR EACH ROW
  WHEN (OLD.state = 'reopened' OR OLD.state = 'reopening' AND (
        NEW.state = 'closed'
        OR (NEW.reopen_requested_by, NEW.reopen_requested_at, NEW.reopen_reason) IS DISTINCT FROM
           (OLD.reopen_requested_by, OLD.reopen_requested_at, OLD.reopen_reason)))
  EXECUTE FUNCTION strongroom.refuse();

GRANT SELECT, INSERT ON strongroom.period_closings TO strongroom_app;
GRANT UPDATE (state, reopen_requested_by, reopen_requested_at, reopen_reason, reopened_by,
  reopened_at) ON strongroom.period_closings TO strongroom_app;
GRANT SELECT, INSERT ON strongroom.period_reports TO strongroom_app;
