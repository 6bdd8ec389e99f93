-- Control accounts. An account whose last segment is an identifier (of an order, a party, a
-- payment, a contract) is a subsidiary account; reports gather those under their control account:
-- `liabilities:escrow` stands for one account an order, of which there may be millions. There is no
-- index on it: those of one control account lie together by path, and every order pays for an index.
ALTER TABLE ledger.accounts ADD control text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
  regexp_replace(path, ':([a-z]{2,5}_[0-9A-Z]{26}|0x[0-9A-Fa-f]{40})$', '')) STORED;

-- What moved on a control account, by the day it happened and by when it was recorded, both in
-- UTC: by the day of recording, and once more by its month, so that a trial balance of any period,
-- as of any day, is a sum over few rows however long the books are. Derived: the roller adds
-- settled entries, and it could all be made anew. What entries were recorded on a day is found by
-- the first and last of them.
CREATE TABLE ledger.daily_totals (
  grain text NOT NULL CHECK (grain IN ('day', 'month')),  -- of recording
  recorded_on date NOT NULL,                         -- the day, or the first of the month
  occurred_on date NOT NULL,
  control text COLLATE "C" NOT NULL,
  asset_id smallint NOT NULL REFERENCES ledger.assets,
  debit numeric NOT NULL CHECK (debit >= 0),         -- minor units
  credit numeric NOT NULL CHECK (credit >= 0),
  posting_count bigint NOT NULL CHECK (posting_count > 0),
  first_entry bigint NOT NULL,
  last_entry bigint NOT NULL,
  last_recorded_at timestamptz NOT NULL,
  PRIMARY KEY (grain, recorded_on, occurred_on, control, asset_id),
  CHECK (first_entry <= last_entry)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

-- Entries up to here are in the daily totals; never past the watermark.
CREATE TABLE ledger.daily_totals_cursor (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  totaled_to bigint NOT NULL DEFAULT 0
);
INSERT INTO ledger.daily_totals_cursor DEFAULT VALUES;

CREATE FUNCTION ledger.utc_day(p_at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE
RETURN (p_at AT TIME ZONE 'UTC')::date;

-- Adds the next `p_most` settled entries to the totals; returns how many they were.
CREATE FUNCTION ledger.roll_totals(p_most int) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp
SET plan_cache_mode = force_custom_plan  -- the planner is to know how few entries lie in between
SET enable_nestloop = off                -- to look each entry's postings up is a thousand times slower
SET jit = off
AS $$
DECLARE
  done bigint;
  upto bigint;
  counted bigint;
BEGIN
  SELECT totaled_to INTO STRICT done FROM daily_totals_cursor FOR UPDATE;  -- one roller at a time
  SELECT max(id), count(*) INTO upto, counted FROM (
    SELECT id FROM entries
     WHERE id > done AND id <= (SELECT settled_to FROM watermark)
     ORDER BY id LIMIT p_most) next;
  IF counted = 0 THEN RETURN 0; END IF;

  WITH moved AS MATERIALIZED (
    SELECT p.account_id, p.asset_id, utc_day(e.recorded_at) AS recorded_on,
           utc_day(e.occurred_at) AS occurred_on,
           coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0) AS debit,
           coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0) AS credit,
           count(*) AS n, min(e.id) AS first_entry, max(e.id) AS last_entry,
           max(e.recorded_at) AS last_recorded_at
      FROM entries e
      JOIN postings p ON p.entry_id = e.id AND p.entry_id > done AND p.entry_id <= upto
     WHERE e.id > done AND e.id <= upto
     GROUP BY 1, 2, 3, 4)
  INSERT INTO daily_totals AS t (grain, recorded_on, occurred_on, control, asset_id,
    debit, credit, posting_count, first_entry, last_entry, last_recorded_at)
  SELECT g.grain, date_trunc(g.grain, m.recorded_on)::date AS starts_on, m.occurred_on, m.control,
         m.asset_id, sum(m.debit), sum(m.credit), sum(m.n), min(m.first_entry), max(m.last_entry),
         max(m.last_recorded_at)
    FROM (SELECT moved.*, (SELECT a.control FROM accounts a WHERE a.id = moved.account_id)
            FROM moved) m
   CROSS JOIN (VALUES ('day'), ('month')) AS g (grain)
   GROUP BY g.grain, starts_on, m.occurred_on, m.control, m.asset_id
  ON CONFLICT (grain, recorded_on, occurred_on, control, asset_id) DO UPDATE
    SET debit = t.debit + excluded.debit,
        credit = t.credit + excluded.credit,
        posting_count = t.posting_count + excluded.posting_count,
        last_entry = greatest(t.last_entry, excluded.last_entry),
        last_recorded_at = greatest(t.last_recorded_at, excluded.last_recorded_at);

  UPDATE daily_totals_cursor SET totaled_to = upto;
  RETURN counted;
END $$;

-- What moved on control accounts by entries recorded at or before a moment, in parts that the
-- caller adds up: the totals of whole months and days; less the entries of the moment's own day
-- that were recorded after it; and the entries that are not in the totals yet. `p_cuts` are days
-- of recording that the caller wants to tell apart from those before them; NULL: all of them.
--
-- It is STABLE, so that all its queries see what the caller's query sees: an entry that the roller
-- takes over meanwhile is counted once.
CREATE FUNCTION ledger.totals_as_of(p_as_of timestamptz, p_cuts date[])
RETURNS TABLE (control text, asset_id smallint, occurred_on date, recorded_on date,
               debit numeric, credit numeric, posting_count bigint)
LANGUAGE plpgsql STABLE
SET search_path = ledger, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  as_of_day date := utc_day(p_as_of);
  totaled bigint := (SELECT c.totaled_to FROM daily_totals_cursor c);
  day_first bigint; day_last bigint; day_last_at timestamptz;
  cut_months date[] := ARRAY(SELECT DISTINCT date_trunc('month', c)::date
                               FROM unnest(p_cuts || (as_of_day + 1)) c);
BEGIN
  IF p_cuts IS NULL THEN
    RETURN QUERY
      SELECT t.control, t.asset_id, t.occurred_on, t.recorded_on, t.debit, t.credit, t.posting_count
        FROM daily_totals t WHERE t.grain = 'day' AND t.recorded_on <= as_of_day;
  ELSE
    RETURN QUERY
      SELECT t.control, t.asset_id, t.occurred_on, t.recorded_on, t.debit, t.credit, t.posting_count
        FROM daily_totals t
       WHERE t.grain = 'month' AND t.recorded_on <= as_of_day AND t.recorded_on <> ALL (cut_months);
    RETURN QUERY
      SELECT t.control, t.asset_id, t.occurred_on, t.recorded_on, t.debit, t.credit, t.posting_count
        FROM unnest(cut_months) AS m (first_day)
        JOIN daily_totals t ON t.grain = 'day' AND t.recorded_on >= m.first_day
             AND t.recorded_on < (m.first_day + interval '1 month')::date
       WHERE t.recorded_on <= as_of_day;
  END IF;

  SELECT min(t.first_entry), max(t.last_entry), max(t.last_recorded_at)
    INTO day_first, day_last, day_last_at
    FROM daily_totals t WHERE t.grain = 'day' AND t.recorded_on = as_of_day;
  IF day_last_at > p_as_of THEN
    RETURN QUERY
      SELECT c.control, c.asset_id, c.occurred_on, c.recorded_on, -c.debit, -c.credit, -c.posting_count
        FROM movements_of(day_first - 1, day_last, p_as_of + interval '1 microsecond',
                          (as_of_day + 1)::timestamp AT TIME ZONE 'UTC') c;
  END IF;
  RETURN QUERY SELECT * FROM movements_of(totaled, NULL, NULL, p_as_of + interval '1 microsecond');
END $$;

-- What moved by the entries after `p_after` up to `p_upto` (NULL: the last) that were recorded
-- from one moment (NULL: the first) until before another.
CREATE FUNCTION ledger.movements_of(
  p_after bigint, p_upto bigint, p_from timestamptz, p_before timestamptz)
RETURNS TABLE (control text, asset_id smallint, occurred_on date, recorded_on date,
               debit numeric, credit numeric, posting_count bigint)
LANGUAGE plpgsql STABLE
SET search_path = ledger, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_nestloop = off  -- as in roll_totals
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  upto bigint := coalesce(p_upto, (SELECT max(id) FROM entries));
BEGIN
  IF upto IS NULL OR upto <= p_after THEN RETURN; END IF;
  RETURN QUERY
    WITH moved AS MATERIALIZED (
      SELECT p.account_id, p.asset_id, utc_day(e.occurred_at) AS occurred_on,
             utc_day(e.recorded_at) AS recorded_on,
             coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0) AS debit,
             coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0) AS credit,
             count(*) AS n
        FROM entries e
        JOIN postings p ON p.entry_id = e.id AND p.entry_id > p_after AND p.entry_id <= upto
       WHERE e.id > p_after AND e.id <= upto
         AND e.recorded_at < p_before AND (p_from IS NULL OR e.recorded_at >= p_from)
       GROUP BY 1, 2, 3, 4)
    SELECT m.control, m.asset_id, m.occurred_on, m.recorded_on,
           sum(m.debit), sum(m.credit), sum(m.n)::bigint
      FROM (SELECT moved.*, (SELECT a.control FROM accounts a WHERE a.id = moved.account_id)
              FROM moved) m
     GROUP BY 1, 2, 3, 4;
END $$;

-- The newest entry recorded at or before a moment; NULL: there is none.
CREATE FUNCTION ledger.sequence_as_of(p_as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = ledger, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  as_of_day date := utc_day(p_as_of);
  totaled bigint := (SELECT totaled_to FROM daily_totals_cursor);
  newest bigint := (SELECT max(id) FROM (
    SELECT id FROM entries WHERE id > totaled AND recorded_at <= p_as_of OFFSET 0) tail);
  day daily_totals;
BEGIN
  IF newest IS NOT NULL THEN RETURN newest; END IF;
  SELECT min(first_entry) AS first_entry, max(last_entry) AS last_entry,
         max(last_recorded_at) AS last_recorded_at
    INTO day.first_entry, day.last_entry, day.last_recorded_at
    FROM daily_totals WHERE grain = 'day' AND recorded_on = as_of_day;
  -- Entries are numbered before they are recorded: one of an earlier day may have a higher number.
  SELECT max(last_entry) INTO newest
    FROM daily_totals WHERE grain = 'month' AND recorded_on < date_trunc('month', as_of_day);
  SELECT greatest(newest, max(last_entry)) INTO newest
    FROM daily_totals WHERE grain = 'day' AND recorded_on < as_of_day
     AND recorded_on >= date_trunc('month', as_of_day);
  IF day.last_recorded_at <= p_as_of THEN RETURN greatest(newest, day.last_entry); END IF;
  RETURN greatest(newest, (SELECT max(id) FROM (
    SELECT id FROM entries
     WHERE id >= day.first_entry AND id <= day.last_entry AND recorded_at <= p_as_of OFFSET 0) d));
END $$;

REVOKE ALL ON FUNCTION ledger.utc_day, ledger.roll_totals, ledger.totals_as_of,
  ledger.movements_of, ledger.sequence_as_of FROM PUBLIC;
GRANT SELECT ON ledger.daily_totals, ledger.daily_totals_cursor TO strongroom_app;
GRANT EXECUTE ON FUNCTION ledger.utc_day, ledger.roll_totals, ledger.totals_as_of,
  ledger.movements_of, ledger.sequence_as_of TO strongroom_app;
