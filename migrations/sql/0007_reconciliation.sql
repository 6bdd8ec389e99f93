-- Reconciliation: what the bank says, what our books expect of it, how the two were matched.

-- Every file as it came in, so that an auditor can read it again.
CREATE TABLE strongroom.statement_files (
  id text COLLATE "C" PRIMARY KEY,               -- stf_…
  sha256 bytea NOT NULL UNIQUE,
  name text NOT NULL,
  format text NOT NULL CHECK (format IN ('camt.052', 'camt.053', 'mt940', 'ofx', 'csv')),
  content_encrypted bytea NOT NULL,
  imported_by text NOT NULL,
  imported_at timestamptz NOT NULL
);

-- One statement of one of our accounts, by the account's name in the settings. A format without
-- balances leaves both out.
CREATE TABLE strongroom.bank_statements (
  id text COLLATE "C" PRIMARY KEY,               -- stm_…
  file_id text NOT NULL REFERENCES strongroom.statement_files,
  account text NOT NULL,
  currency text NOT NULL,
  statement_ref text,                            -- the bank's name for it
  from_date date,
  to_date date,
  opening_balance strongroom.signed_minor_units,
  closing_balance strongroom.signed_minor_units,
  closing_date date,
  line_count int NOT NULL,                       -- in the file
  new_line_count int NOT NULL,                   -- of them, not known from another file
  imported_at timestamptz NOT NULL,
  CHECK ((opening_balance IS NULL) = (closing_balance IS NULL)),
  CHECK ((closing_balance IS NULL) = (closing_date IS NULL))
);
CREATE INDEX bank_statements_account ON strongroom.bank_statements (account, closing_date);

-- A booked line, once however many files it is in. Positive: money in. `booked`: nothing yet, in
-- suspense, or matched, which is where the ledger has its other side.
CREATE TABLE strongroom.statement_lines (
  id text COLLATE "C" PRIMARY KEY,               -- stl_…
  statement_id text NOT NULL REFERENCES strongroom.bank_statements,
  account text NOT NULL,
  line_key text COLLATE "C" NOT NULL,            -- the bank's id of it, or a digest and its count
  position int NOT NULL,
  amount strongroom.signed_minor_units NOT NULL CHECK (amount <> 0),
  currency text NOT NULL,
  booked_on date NOT NULL,
  value_on date NOT NULL,
  bank_ref text,
  end_to_end_id text,
  batch_ref text,                                -- of a line the bank says is part of a batch
  is_bank_charge boolean NOT NULL DEFAULT false, -- by the bank's own transaction code
  reference_keys text[] NOT NULL DEFAULT '{}',   -- what of its text may be a reference of ours
  details_encrypted bytea NOT NULL,              -- counterparty's name, account, and the whole text
  state text NOT NULL DEFAULT 'new'
    CHECK (state IN ('new', 'unmatched', 'matched', 'discarded')),
  booked text NOT NULL DEFAULT 'nothing' CHECK (booked IN ('nothing', 'suspense', 'matched')),
  reason text,                                   -- why it is unmatched: a stable code
  suggestion jsonb,                              -- what it may be, for a person to judge
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (account, line_key),
  CHECK ((state IN ('matched', 'discarded')) = (booked = 'matched')),
  CHECK (state <> 'unmatched' OR reason IS NOT NULL)
);
CREATE INDEX statement_lines_open ON strongroom.statement_lines (booked_on, id)
  WHERE state IN ('new', 'unmatched');
CREATE INDEX statement_lines_statement ON strongroom.statement_lines (statement_id, position);
CREATE TRIGGER statement_lines_fixed
  BEFORE UPDATE OF id, statement_id, account, line_key, amount, currency, booked_on, value_on
  OR DELETE OR TRUNCATE
  ON strongroom.statement_lines FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- What our books expect to see on a statement: one row a posting on the bank's clearing account
-- that did not come from a statement itself. Positive: money in.
CREATE TABLE strongroom.expectations (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  entry_id bigint NOT NULL,
  line int NOT NULL,
  kind text NOT NULL,                            -- the entry's
  subject_id text COLLATE "C" NOT NULL,          -- what the entry is the effect of
  payment_id text COLLATE "C",
  provider_ref text COLLATE "C",
  reference_key text COLLATE "C",                -- the reference that its line should quote
  batch_ref text COLLATE "C",
  amount strongroom.signed_minor_units NOT NULL CHECK (amount <> 0),
  matched_amount strongroom.signed_minor_units NOT NULL DEFAULT 0,
  currency text NOT NULL,
  occurred_on date NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (entry_id, line),
  CHECK (matched_amount * sign(amount) BETWEEN 0 AND abs(amount))
);
CREATE INDEX expectations_open ON strongroom.expectations (occurred_on, id)
  WHERE matched_amount <> amount;
CREATE INDEX expectations_payment ON strongroom.expectations (payment_id);
CREATE INDEX expectations_reference ON strongroom.expectations (reference_key);
CREATE INDEX expectations_provider_ref ON strongroom.expectations (provider_ref);
CREATE TABLE strongroom.expectation_cursors (
  account_id bigint PRIMARY KEY,                 -- the ledger's
  after_seq bigint NOT NULL
);

CREATE TABLE strongroom.reconciliation_runs (
  id text COLLATE "C" PRIMARY KEY,               -- run_…
  status text NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'failed')),
  date_window_days int NOT NULL CHECK (date_window_days BETWEEN 0 AND 365),
  phase text,
  steps_done int NOT NULL DEFAULT 0,
  steps_total int NOT NULL DEFAULT 0,
  figures jsonb NOT NULL DEFAULT '{}',
  error text,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  CHECK ((status IN ('done', 'failed')) = (finished_at IS NOT NULL))
);

-- How a line was explained, by which rule or by whom, and how sure that is (0 to 100).
CREATE TABLE strongroom.matches (
  id text COLLATE "C" PRIMARY KEY,               -- mat_…
  line_id text NOT NULL REFERENCES strongroom.statement_lines,
  state text NOT NULL CHECK (state IN ('active', 'undone')),
  rule text NOT NULL,
  certainty int NOT NULL CHECK (certainty BETWEEN 0 AND 100),
  reason text NOT NULL,
  run_id text REFERENCES strongroom.reconciliation_runs,
  made_by text NOT NULL,
  made_at timestamptz NOT NULL,
  undone_by text,
  undone_at timestamptz,
  undo_reason text,
  CHECK ((state = 'undone') = (undone_at IS NOT NULL AND undone_by IS NOT NULL))
);
CREATE INDEX matches_line ON strongroom.matches (line_id);
CREATE UNIQUE INDEX matches_one_active ON strongroom.matches (line_id) WHERE state = 'active';
-- A part goes to what was expected, or to an account such as one for bank charges.
CREATE TABLE strongroom.match_parts (
  match_id text NOT NULL REFERENCES strongroom.matches,
  part int NOT NULL,
  expectation_id bigint REFERENCES strongroom.expectations,
  account_path text,
  amount strongroom.signed_minor_units NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (match_id, part),
  CHECK ((expectation_id IS NULL) <> (account_path IS NULL))
);
CREATE INDEX match_parts_expectation ON strongroom.match_parts (expectation_id);
CREATE TRIGGER match_parts_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.match_parts FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- What does not agree, until somebody settles it or it agrees again.
CREATE TABLE strongroom.findings (
  id text COLLATE "C" PRIMARY KEY,               -- fnd_…
  finding_key text COLLATE "C" NOT NULL,         -- the same thing found again is the same finding
  kind text NOT NULL CHECK (kind IN ('missing_in_ledger', 'missing_at_provider', 'missing_at_bank',
    'amount_differs', 'duplicate', 'stale_pending', 'balance_drift', 'statement_gap')),
  subject_id text NOT NULL,
  amount strongroom.signed_minor_units,          -- what is found
  expected strongroom.signed_minor_units,        -- what should be
  currency text,
  detail text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'resolved')),
  owner text,
  resolution text,
  resolved_by text,
  first_seen_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  resolved_at timestamptz,
  CHECK ((state = 'resolved') = (resolved_at IS NOT NULL AND resolution IS NOT NULL))
);
CREATE UNIQUE INDEX findings_open ON strongroom.findings (finding_key) WHERE state = 'open';
CREATE INDEX findings_key ON strongroom.findings (finding_key);

GRANT SELECT, INSERT ON strongroom.statement_files, strongroom.bank_statements,
  strongroom.match_parts TO strongroom_app;
GRANT UPDATE (content_encrypted) ON strongroom.statement_files TO strongroom_app;  -- new keys
GRANT SELECT, INSERT, UPDATE ON strongroom.statement_lines, strongroom.expectations,
  strongroom.expectation_cursors, strongroom.reconciliation_runs, strongroom.matches,
  strongroom.findings TO strongroom_app;
