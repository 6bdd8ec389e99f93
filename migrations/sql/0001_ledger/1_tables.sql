-- The ledger's tables. Amounts are signed integers in minor units: + is a debit, - is a credit.

-- Integers of any size: bigint overflows at 9.22 ETH, and numeric(78,0) would round 5.4 to 5 in
-- silence. NaN and infinity have no scale and fail the comparisons.
CREATE DOMAIN ledger.minor_units AS numeric
  CHECK (scale(value) = 0 AND value > -1e78 AND value < 1e78);

-- What every posting passes is checked by domains: PostgreSQL reads the text of a table's CHECK
-- anew for each statement, which for single entries is a tenth of the cost.
CREATE DOMAIN ledger.movement AS ledger.minor_units CHECK (value <> 0);
CREATE DOMAIN ledger.line_number AS smallint CHECK (value BETWEEN 1 AND 1000);
CREATE DOMAIN ledger.effect_key AS text COLLATE "C" CHECK (length(value) BETWEEN 1 AND 255);
CREATE DOMAIN ledger.sha256 AS bytea CHECK (octet_length(value) = 32);

CREATE TABLE ledger.assets (
  id smallint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  code text NOT NULL UNIQUE CHECK (code ~ '^[A-Z][A-Z0-9]{1,11}$'),
  exponent smallint NOT NULL CHECK (exponent BETWEEN 0 AND 36)   -- decimals: USD 2, JPY 0, ETH 18
);

-- strict:   every posting locks the balance row, is numbered 1, 2, 3 … and carries the balance
--           after it; may have a floor.
-- deferred: for hot accounts without a floor; postings are appended without touching the balance
--           row, and a job rolls them up. The balance is always rolled + not yet rolled, exactly.
CREATE TABLE ledger.accounts (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  path text COLLATE "C" NOT NULL CHECK (path ~ '^[a-z]+(:[A-Za-z0-9_.-]+)+$'),
  class text NOT NULL GENERATED ALWAYS AS (CASE split_part(path, ':', 1)
    WHEN 'assets' THEN 'asset' WHEN 'liabilities' THEN 'liability' WHEN 'equity' THEN 'equity'
    WHEN 'income' THEN 'income' WHEN 'expenses' THEN 'expense' END) STORED,
  side smallint NOT NULL GENERATED ALWAYS AS (   -- 1 where debits increase the account, else -1
    CASE WHEN split_part(path, ':', 1) IN ('assets', 'expenses') THEN 1 ELSE -1 END) STORED,
  asset_id smallint NOT NULL REFERENCES ledger.assets,
  mode text NOT NULL CHECK (mode IN ('strict', 'deferred')),
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (path, asset_id),
  UNIQUE (id, asset_id, mode, side)
);

-- The only rows posting changes; no indexed column ever changes, so every update is a HOT update.
CREATE TABLE ledger.balances (
  account_id bigint PRIMARY KEY,
  asset_id smallint NOT NULL,
  mode text NOT NULL,
  side smallint NOT NULL,
  floor ledger.minor_units,                          -- least `side * posted - held`; NULL: none
  version bigint NOT NULL DEFAULT 0,                 -- postings inside `posted`
  posted numeric NOT NULL DEFAULT 0,
  held numeric NOT NULL DEFAULT 0,                   -- reserved by open holds
  rolled_to bigint NOT NULL DEFAULT 0,               -- postings up to this `seq` are rolled up
  CONSTRAINT balances_floor CHECK (floor IS NULL OR side * posted - held >= floor),
  FOREIGN KEY (account_id, asset_id, mode, side)
    REFERENCES ledger.accounts (id, asset_id, mode, side)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

CREATE SEQUENCE ledger.entry_ids;

-- The journal. `effect_key` is the last defence behind every queue, worker and webhook: the same
-- effect is written once, for ever. Keys should begin with something that grows (an order's or a
-- payment's id), so that the index is written at one end only.
CREATE TABLE ledger.entries (
  id bigint PRIMARY KEY,
  effect_key ledger.effect_key NOT NULL CONSTRAINT entries_effect_key UNIQUE,
  fingerprint ledger.sha256 NOT NULL,
  kind text NOT NULL,
  occurred_at timestamptz NOT NULL,                  -- when it happened (effective)
  recorded_at timestamptz NOT NULL,                  -- when it was written
  description text,
  metadata jsonb
);

-- Never updated, not even by the roller. There are no row-wise foreign keys: the trigger in
-- 2_guards.sql checks the same references for all new rows at once, at a third of the cost, and
-- what they point at can never be deleted.
CREATE TABLE ledger.postings (
  entry_id bigint NOT NULL,
  account_id bigint NOT NULL,
  seq bigint NOT NULL,                               -- strict: 1, 2, 3 …; deferred: entry_id * 1024 + line
  occurred_at timestamptz NOT NULL,                  -- the entry's
  recorded_at timestamptz NOT NULL,                  -- taken under the account's lock
  amount ledger.movement NOT NULL,
  balance_after numeric,                             -- NULL for deferred accounts
  asset_id smallint NOT NULL,
  line ledger.line_number NOT NULL,
  CONSTRAINT postings_seq UNIQUE (account_id, seq)
);
-- Postings of one entry lie together on disk; this index costs nothing measurable to keep.
CREATE INDEX postings_entry ON ledger.postings USING brin (entry_id)
  WITH (pages_per_range = 16, autosummarize = on);

-- An entry that undoes another one: its exact mirror, at most once.
CREATE TABLE ledger.reversals (
  entry_id bigint PRIMARY KEY REFERENCES ledger.entries,
  reverses_id bigint NOT NULL CONSTRAINT reversals_once UNIQUE REFERENCES ledger.entries,
  CHECK (entry_id > reverses_id)
);

CREATE TABLE ledger.holds (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  effect_key ledger.effect_key NOT NULL CONSTRAINT holds_effect_key UNIQUE,
  account_id bigint NOT NULL REFERENCES ledger.accounts,
  amount ledger.minor_units NOT NULL CHECK (amount > 0),
  captured ledger.minor_units NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'captured', 'voided', 'expired')),
  expires_at timestamptz,
  placed_at timestamptz NOT NULL,
  closed_at timestamptz,
  CHECK ((state = 'open') = (closed_at IS NULL)),
  CHECK (state <> 'captured' OR captured > 0)
);
CREATE INDEX holds_open ON ledger.holds (expires_at) WHERE state = 'open';

-- What makes old balances quick to read: the roller sums up an account's postings along both axes
-- of time, `occurred` and `recorded`. A range is a run of consecutive postings of one hour (at most
-- 2,000); sums are of whole hours and whole days. Both are derived and could be made anew.
CREATE TABLE ledger.roll_ranges (
  account_id bigint NOT NULL REFERENCES ledger.accounts,
  axis text NOT NULL CHECK (axis IN ('occurred', 'recorded')),
  hour timestamptz NOT NULL,
  from_seq bigint NOT NULL,
  upto_seq bigint NOT NULL,
  posting_count bigint NOT NULL CHECK (posting_count > 0),
  amount numeric NOT NULL,
  at_from timestamptz NOT NULL,
  at_to timestamptz NOT NULL,
  PRIMARY KEY (account_id, axis, hour, upto_seq),
  CHECK (from_seq <= upto_seq AND at_from <= at_to)
);
CREATE TABLE ledger.roll_sums (
  account_id bigint NOT NULL REFERENCES ledger.accounts,
  axis text NOT NULL CHECK (axis IN ('occurred', 'recorded')),
  grain text NOT NULL CHECK (grain IN ('hour', 'day')),
  starts_at timestamptz NOT NULL,
  amount numeric NOT NULL,
  PRIMARY KEY (account_id, axis, grain, starts_at)
);

-- Sequence numbers are given out before commit, so entry 7 may appear after entry 9. Every entry
-- up to `settled_to` is committed or gone for good; see advance_watermark() in 5_rolling.sql.
CREATE TABLE ledger.watermark (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  settled_to bigint NOT NULL DEFAULT 0,
  candidate bigint NOT NULL DEFAULT 0,
  candidate_xid xid8 NOT NULL DEFAULT '0'
);
INSERT INTO ledger.watermark DEFAULT VALUES;

-- Nothing is posted with an `occurred_at` at or before the latest `closed_through`.
CREATE TABLE ledger.closed_periods (
  closed_through timestamptz PRIMARY KEY,
  closed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A hash chain over blocks of entries, made after the fact.
CREATE TABLE ledger.seals (
  number bigint PRIMARY KEY CHECK (number > 0),
  from_entry bigint NOT NULL,                        -- after this …
  upto_entry bigint NOT NULL UNIQUE,                 -- … up to and with this
  entry_count bigint NOT NULL CHECK (entry_count > 0),
  block_hash ledger.sha256 NOT NULL,
  chain_hash ledger.sha256 NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (from_entry < upto_entry)
);
