-- Settlement: every movement of our balance at a provider, and its payouts to our bank.

-- Money that comes or goes. A domain of its own: amounts people enter are never negative.
CREATE DOMAIN strongroom.signed_minor_units AS numeric
  CHECK (scale(value) = 0 AND value > -1e78 AND value < 1e78);

CREATE TABLE strongroom.balance_transactions (
  id text COLLATE "C" PRIMARY KEY,               -- the provider's: txn_…
  provider text NOT NULL,
  type text NOT NULL,
  reporting_category text NOT NULL,
  source_ref text COLLATE "C",                   -- ch_…, re_…, dp_…, po_…
  intent_ref text COLLATE "C",
  payment_id text REFERENCES strongroom.payments,    -- null: no payment of ours
  amount strongroom.signed_minor_units NOT NULL,
  fee strongroom.signed_minor_units NOT NULL,
  net strongroom.signed_minor_units NOT NULL,
  currency text NOT NULL,
  source_amount strongroom.signed_minor_units,   -- the same in the currency that was paid in
  source_currency text,
  occurred_at timestamptz NOT NULL,
  available_on timestamptz NOT NULL,
  payout_ref text COLLATE "C",                   -- the payout that took it to our bank, when known
  -- The entry of its principal that the payment's own facts became. A principal without `awaits`
  -- is booked from this row. One transaction for one entry, in both directions.
  awaits text CHECK (awaits IN ('charge', 'refund', 'refund_returned', 'dispute', 'dispute_won')),
  principal_entry_id bigint CONSTRAINT balance_transactions_one_for_one UNIQUE,
  asked_at timestamptz,                          -- when the payment was last put up for polling
  -- How far the ledger is: nothing, in the pending account, or moved on to the available one.
  booked text NOT NULL DEFAULT 'nothing' CHECK (booked IN ('nothing', 'pending', 'available')),
  fault text,                                    -- why it is not booked, or fits no entry
  stored_at timestamptz NOT NULL,
  CHECK ((source_amount IS NULL) = (source_currency IS NULL)),
  CHECK (booked = 'nothing' OR net = amount - fee),
  CHECK (awaits IS NULL OR payment_id IS NOT NULL)
);
CREATE INDEX balance_transactions_unbooked ON strongroom.balance_transactions (occurred_at)
  WHERE booked = 'nothing';
CREATE INDEX balance_transactions_pending ON strongroom.balance_transactions (available_on)
  WHERE booked = 'pending';
CREATE INDEX balance_transactions_awaiting ON strongroom.balance_transactions (occurred_at)
  WHERE awaits IS NOT NULL AND principal_entry_id IS NULL;
CREATE INDEX balance_transactions_payment ON strongroom.balance_transactions (payment_id)
  WHERE payment_id IS NOT NULL;
CREATE INDEX balance_transactions_intent ON strongroom.balance_transactions (intent_ref)
  WHERE intent_ref IS NOT NULL;
CREATE INDEX balance_transactions_payout ON strongroom.balance_transactions (payout_ref)
  WHERE payout_ref IS NOT NULL;

-- What the provider said does not change, whoever tries.
CREATE TRIGGER balance_transactions_fixed
  BEFORE UPDATE OF id, provider, amount, fee, net, currency, source_amount, occurred_at
  OR DELETE OR TRUNCATE
  ON strongroom.balance_transactions FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- A payout from the provider to our bank; negative when the provider debits us.
CREATE TABLE strongroom.payouts (
  id text PRIMARY KEY,
  provider text NOT NULL,
  provider_ref text COLLATE "C" NOT NULL,        -- po_…
  amount strongroom.signed_minor_units NOT NULL,
  currency text NOT NULL,
  status text NOT NULL
    CHECK (status IN ('pending', 'in_transit', 'paid', 'failed', 'canceled')),
  automatic boolean NOT NULL,                    -- then the provider tells what is in it
  arrival_date date NOT NULL,
  statement_descriptor text,                     -- what the bank statement will say
  trace_ref text,                                -- the bank's own reference, once known
  failure_code text,
  occurred_at timestamptz NOT NULL,
  itemized boolean NOT NULL DEFAULT false,       -- its transactions have their `payout_ref`
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (provider, provider_ref)
);
CREATE TRIGGER payouts_fixed
  BEFORE UPDATE OF id, provider, provider_ref, amount, currency OR DELETE OR TRUNCATE
  ON strongroom.payouts FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- How far the list of transactions has been read. It is told newest first, so a long one is walked
-- down in several runs: from `walk_top` to `walk_after`, the last one stored so far.
CREATE TABLE strongroom.balance_cursor (
  provider text PRIMARY KEY,
  synced_to timestamptz,                         -- complete up to here, by the provider's clock
  walk_top timestamptz,
  walk_after text,
  CHECK ((walk_top IS NULL) = (walk_after IS NULL))
);
INSERT INTO strongroom.balance_cursor (provider) VALUES ('stripe');

GRANT SELECT, INSERT, UPDATE ON strongroom.balance_transactions, strongroom.payouts
  TO strongroom_app;
GRANT SELECT, UPDATE ON strongroom.balance_cursor TO strongroom_app;
