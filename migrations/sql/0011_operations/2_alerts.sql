-- Alerts: of each condition at most one is not over. A condition that has to hold for a while is
-- `pending` first, and nobody is told. A delivery is one message to one address of a target; of one
-- alert at most one message waits for an address, a newer one takes the place of what did not arrive.
CREATE TABLE strongroom.alerts (
  id text COLLATE "C" PRIMARY KEY,               -- alr_…
  condition text NOT NULL,
  priority text NOT NULL CHECK (priority IN ('P1', 'P2')),
  status text NOT NULL CHECK (status IN ('pending', 'open', 'acknowledged', 'resolved')),
  figures jsonb NOT NULL,
  since timestamptz NOT NULL,                    -- from when on it was true without a break
  last_seen_at timestamptz NOT NULL,             -- when it was last true
  clear_since timestamptz,                       -- from when on it was not true any more
  seen bigint NOT NULL DEFAULT 1,                -- how often it was found true
  opened_at timestamptz,                         -- the latest time
  reopened int NOT NULL DEFAULT 0,               -- how often it came back within the hour
  tellings int NOT NULL DEFAULT 0,               -- how often people were told since it was opened
  told_at timestamptz,
  told_figures jsonb,                            -- what was known then
  acknowledged_by text,
  acknowledged_at timestamptz,
  note text CHECK (length(note) BETWEEN 1 AND 2000),
  acknowledged_figures jsonb,                    -- what they had been told: more is news
  resolved_at timestamptz,
  CHECK ((status = 'pending') = (opened_at IS NULL)),
  CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
  CHECK (status <> 'acknowledged' OR acknowledged_by IS NOT NULL),
  CHECK (num_nulls(acknowledged_by, acknowledged_at, acknowledged_figures) IN (0, 3))
);
CREATE UNIQUE INDEX alerts_one_at_a_time ON strongroom.alerts (condition)
  WHERE status <> 'resolved';
CREATE INDEX alerts_over ON strongroom.alerts (condition, resolved_at) WHERE status = 'resolved';

CREATE TABLE strongroom.alert_deliveries (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert_id text REFERENCES strongroom.alerts,    -- null: a test
  kind text NOT NULL CHECK (kind IN ('opened', 'again', 'worse', 'resolved', 'test')),
  target text NOT NULL,
  address int CHECK (address > 0),               -- which of the target's; null: it has none
  priority text NOT NULL,
  title text NOT NULL,
  body text NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'replaced', 'failed', 'no_address')),
  attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  error text,
  created_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  attempted_at timestamptz,
  delivered_at timestamptz,
  CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
  CHECK ((kind = 'test') = (alert_id IS NULL)),
  CHECK (state = 'no_address' OR address IS NOT NULL)
);
CREATE UNIQUE INDEX alert_deliveries_one_waits
  ON strongroom.alert_deliveries (alert_id, target, address) WHERE state = 'waiting';
CREATE INDEX alert_deliveries_due ON strongroom.alert_deliveries (due_at) WHERE state = 'waiting';
CREATE INDEX alert_deliveries_of ON strongroom.alert_deliveries (alert_id, number);
CREATE INDEX alert_deliveries_lost ON strongroom.alert_deliveries (created_at)
  WHERE state = 'failed';

-- What the latest proof of the books found: it is too long a walk for every half minute.
CREATE TABLE strongroom.proofs (
  name text PRIMARY KEY,
  proven_at timestamptz NOT NULL,
  took_ms bigint NOT NULL CHECK (took_ms >= 0),
  broken jsonb NOT NULL DEFAULT '{}'             -- the truths that do not hold, with how many rows
);

-- What a condition looks at is looked for every half minute.
CREATE INDEX findings_unsettled ON strongroom.findings (first_seen_at) WHERE state = 'open';

GRANT SELECT, INSERT, UPDATE, DELETE ON strongroom.alerts TO strongroom_app, strongroom_worker;
GRANT SELECT, INSERT, UPDATE ON strongroom.alert_deliveries TO strongroom_app, strongroom_worker;
GRANT SELECT, INSERT, UPDATE ON strongroom.proofs TO strongroom_app, strongroom_worker;
GRANT SELECT, UPDATE (status, acknowledged_by, acknowledged_at, note, acknowledged_figures)
   ON strongroom.alerts TO strongroom_api;
GRANT SELECT, INSERT ON strongroom.alert_deliveries TO strongroom_api;
GRANT SELECT ON strongroom.proofs TO strongroom_api;
GRANT SELECT ON strongroom.periodic_jobs TO strongroom_worker, strongroom_app;
GRANT SELECT ON strongroom.alerts, strongroom.alert_deliveries, strongroom.proofs
  TO strongroom_auditor;
CREATE INDEX seller_payout_attempts_lately ON strongroom.seller_payout_attempts (created_at);
CREATE INDEX seller_payouts_failed ON strongroom.seller_payouts (id) WHERE status = 'failed';
CREATE INDEX releases_of_others ON strongroom.releases (created_at) WHERE origin = 'chain';
CREATE INDEX documents_due_late ON strongroom.documents_due (attempts) WHERE attempts >= 5;
CREATE INDEX invoice_renderings_failed ON strongroom.invoice_renderings (invoice_id)
  WHERE status = 'failed';
