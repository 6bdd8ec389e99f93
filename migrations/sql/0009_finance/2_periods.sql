-- Closing and reopening. The books are closed through the newest row's moment: closing October and
-- reopening it are two rows, and nothing is ever taken out.
-- (The ledger's table of closings becomes a history; what is in force is its last row.)
ALTER TABLE ledger.closed_periods DROP CONSTRAINT closed_periods_pkey;
ALTER TABLE ledger.closed_periods ALTER closed_through DROP NOT NULL;   -- NULL: nothing is closed
ALTER TABLE ledger.closed_periods ADD number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY;

-- Who closed and reopened a month, and what was true when it was closed. Reopening needs a second
-- person. `revision` counts the closings of one month.
CREATE TABLE strongroom.period_closings (
  id text PRIMARY KEY,                               -- per_…
  month text NOT NULL CHECK (month ~ '^\d{4}-(0[1-9]|1[0-2])$'),
  revision int NOT NULL CHECK (revision >= 1),
  state text NOT NULL CHECK (state IN ('closed', 'reopening', 'reopened')),
  checklist jsonb NOT NULL,                          -- what was checked, and what it said
  as_of timestamptz NOT NULL,                        -- the month's reports show what was recorded by then
  ledger_sequence bigint NOT NULL,                   -- the newest entry of the books at that moment
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

GRANT SELECT, INSERT, UPDATE ON strongroom.period_closings TO strongroom_app;
GRANT SELECT, INSERT ON strongroom.period_reports TO strongroom_app;
