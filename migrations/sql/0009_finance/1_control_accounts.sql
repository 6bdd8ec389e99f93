-- Control accounts. An account whose last segment is an identifier (of an order, a party, a
-- payment, a contract) is a subsidiary account; reports gather those under their control account:
-- `liabilities:escrow` stands for one account an order, of which there may be millions.
ALTER TABLE ledger.accounts ADD control text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
  regexp_replace(path, ':([a-z]{2,5}_[0-9A-Z]{26}|0x[0-9A-Fa-f]{40})$', '')) STORED;
CREATE INDEX accounts_control ON ledger.accounts (control, asset_id, id);

-- What moved on a control account, by the day it happened and the day it was recorded, both in
-- UTC. Derived: the roller adds settled entries, and it could all be made anew. Small however many
-- postings there are, so that a trial balance of any period, as of any day, is a sum over few rows.
CREATE TABLE ledger.daily_totals (
  control text COLLATE "C" NOT NULL,
  asset_id smallint NOT NULL REFERENCES ledger.assets,
  occurred_on date NOT NULL,
  recorded_on date NOT NULL,
  debit numeric NOT NULL CHECK (debit >= 0),         -- minor units
  credit numeric NOT NULL CHECK (credit >= 0),
  posting_count bigint NOT NULL CHECK (posting_count > 0),
  PRIMARY KEY (control, asset_id, occurred_on, recorded_on)
);

-- Entries up to here are in the daily totals; never past the watermark.
CREATE TABLE ledger.daily_totals_cursor (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  totaled_to bigint NOT NULL DEFAULT 0
);
INSERT INTO ledger.daily_totals_cursor DEFAULT VALUES;

-- A journal of one day, however large the whole is: entries are recorded nearly in order.
CREATE INDEX postings_recorded ON ledger.postings USING brin (recorded_at)
  WITH (pages_per_range = 16, autosummarize = on);

GRANT SELECT ON ledger.daily_totals, ledger.daily_totals_cursor TO strongroom_app;
