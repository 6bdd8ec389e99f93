-- The domain's tables. What may lose money is a constraint here first and Python second.

CREATE SCHEMA strongroom;

-- Integers only, of any size; NaN and infinity fail the comparison.
CREATE DOMAIN strongroom.minor_units AS numeric
  CHECK (value = trunc(value) AND value >= 0 AND value < 1e78);

-- ---- who calls -------------------------------------------------------------------------------

CREATE TABLE strongroom.api_keys (
  id text PRIMARY KEY,
  principal text NOT NULL,                       -- kept by rotation, so references stay the caller's
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('service', 'support', 'finance', 'operator', 'admin')),
  scopes text[] NOT NULL,
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);

CREATE TABLE strongroom.sessions (
  id_hash bytea PRIMARY KEY CHECK (octet_length(id_hash) = 32),
  principal text NOT NULL,
  role text NOT NULL,
  party_id text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
  revoked_at timestamptz
);

-- A caller's reference: unique for ever per caller and operation.
CREATE TABLE strongroom.idempotency_keys (
  principal text NOT NULL,
  operation text NOT NULL,
  reference text NOT NULL CHECK (reference ~ '^[\x21-\x7e]{1,255}$'),
  fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
  resource_id text,
  locked_until timestamptz,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (principal, operation, reference)
);

-- ---- parties and orders ----------------------------------------------------------------------

CREATE TABLE strongroom.parties (
  id text PRIMARY KEY,
  kyc_level text NOT NULL DEFAULT 'none' CHECK (kyc_level IN ('none', 'basic', 'full')),
  country text CHECK (country ~ '^[A-Z]{2}$'),   -- ISO 3166-1 alpha-2
  name_encrypted bytea NOT NULL,
  email_encrypted bytea,
  address_encrypted bytea,
  tax_id_encrypted bytea,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE strongroom.orders (
  id text PRIMARY KEY,
  buyer_id text NOT NULL REFERENCES strongroom.parties,
  seller_id text NOT NULL REFERENCES strongroom.parties,
  currency text NOT NULL,
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  tax_amount strongroom.minor_units NOT NULL,
  platform_fee strongroom.minor_units NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'paid', 'canceled')),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (buyer_id <> seller_id),
  CHECK (tax_amount + platform_fee <= amount)
);
CREATE INDEX orders_buyer ON strongroom.orders (buyer_id, id);
CREATE INDEX orders_seller ON strongroom.orders (seller_id, id);

CREATE TABLE strongroom.order_lines (
  order_id text NOT NULL REFERENCES strongroom.orders,
  line int NOT NULL CHECK (line >= 1),
  description text NOT NULL CHECK (description <> ''),
  quantity int NOT NULL CHECK (quantity >= 1),
  unit_amount strongroom.minor_units NOT NULL,
  tax_rate numeric(6, 3) NOT NULL CHECK (tax_rate BETWEEN 0 AND 100),   -- percent
  PRIMARY KEY (order_id, line)
);

-- ---- payments --------------------------------------------------------------------------------

CREATE TABLE strongroom.payments (
  id text PRIMARY KEY,
  order_id text NOT NULL REFERENCES strongroom.orders,
  rail text NOT NULL CHECK (rail IN ('card', 'bank', 'crypto')),
  provider text NOT NULL,
  provider_ref text,
  capture text NOT NULL CHECK (capture IN ('automatic', 'manual')),
  status text NOT NULL CHECK (status IN ('created', 'requires_action', 'processing', 'succeeded',
    'partially_refunded', 'refunded', 'disputed', 'failed', 'canceled', 'expired')),
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  amount_refunded strongroom.minor_units NOT NULL DEFAULT 0 CHECK (amount_refunded <= amount),
  failure_code text,
  stripe_code text,
  failure_message text,
  failure_next_step text,
  client_secret_encrypted bytea,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (provider, provider_ref)
);
CREATE INDEX payments_order ON strongroom.payments (order_id);

-- What was paid for does not change afterwards, whoever tries.
CREATE FUNCTION strongroom.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on %.% is not allowed', tg_op, tg_table_schema, tg_table_name
    USING ERRCODE = '42501';
END $$;
CREATE TRIGGER payments_fixed
  BEFORE UPDATE OF id, order_id, rail, amount, currency OR DELETE OR TRUNCATE
  ON strongroom.payments FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

CREATE TABLE strongroom.payment_events (
  payment_id text NOT NULL REFERENCES strongroom.payments,
  seq int NOT NULL CHECK (seq >= 1),
  from_status text,
  to_status text NOT NULL,
  cause text NOT NULL,                           -- 'api:create', 'stripe:evt_…', 'poll'
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (payment_id, seq)
);
CREATE TRIGGER payment_events_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.payment_events FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- Intent → call → outcome: the row is committed before the provider is called.
CREATE TABLE strongroom.provider_calls (
  id text PRIMARY KEY,
  payment_id text NOT NULL REFERENCES strongroom.payments,
  operation text NOT NULL,
  idempotency_key text NOT NULL UNIQUE,
  state text NOT NULL CHECK (state IN ('intent', 'done', 'refused', 'unknown')),
  error text,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  CHECK ((state IN ('done', 'refused')) = (finished_at IS NOT NULL))
);
CREATE INDEX provider_calls_payment ON strongroom.provider_calls (payment_id);
CREATE INDEX provider_calls_open ON strongroom.provider_calls (created_at)
  WHERE state IN ('intent', 'unknown');

-- ---- webhooks in, jobs and live events out ---------------------------------------------------

CREATE TABLE strongroom.webhook_inbox (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  provider text NOT NULL,
  event_id text NOT NULL,
  event_type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  payload_encrypted bytea NOT NULL,
  request_id text,
  received_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done', 'ignored', 'dead')),
  attempts int NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL,
  error text,
  finished_at timestamptz,
  UNIQUE (provider, event_id)                    -- the same event has an effect once, for ever
);
CREATE INDEX webhook_inbox_due ON strongroom.webhook_inbox (due_at, id) WHERE state = 'new';

CREATE TABLE strongroom.outbox (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  job text NOT NULL,
  args jsonb NOT NULL DEFAULT '{}',
  coalesce_key text,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'leased', 'done', 'dead')),
  due_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  lease_until timestamptz,
  lease_token uuid,
  error text,
  request_id text,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  CHECK ((state = 'leased') = (lease_until IS NOT NULL AND lease_token IS NOT NULL))
);
-- Coalesced wake-ups: many events, one waiting job.
CREATE UNIQUE INDEX outbox_coalesce ON strongroom.outbox (coalesce_key) WHERE state = 'waiting';
CREATE INDEX outbox_due ON strongroom.outbox (due_at, id) WHERE state = 'waiting';
CREATE INDEX outbox_leased ON strongroom.outbox (lease_until) WHERE state = 'leased';

-- When each periodic job is next to be put into the outbox: one relay of several does it.
CREATE TABLE strongroom.periodic_jobs (
  job text PRIMARY KEY,
  next_at timestamptz NOT NULL
);

CREATE TABLE strongroom.live_events (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  position bigint UNIQUE,                        -- given by the relay, gapless, in commit order
  topic text NOT NULL,
  subject_id text NOT NULL,
  audience text[] NOT NULL,
  data jsonb NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX live_events_unnumbered ON strongroom.live_events (id) WHERE position IS NULL;

CREATE TABLE strongroom.live_cursor (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  last_position bigint NOT NULL DEFAULT 0
);
INSERT INTO strongroom.live_cursor DEFAULT VALUES;

-- ---- rights ----------------------------------------------------------------------------------

GRANT USAGE ON SCHEMA strongroom TO strongroom_app;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA strongroom TO strongroom_app;
REVOKE UPDATE ON strongroom.payment_events, strongroom.order_lines FROM strongroom_app;
REVOKE INSERT ON strongroom.live_cursor FROM strongroom_app;
GRANT DELETE ON strongroom.sessions, strongroom.live_events, strongroom.outbox TO strongroom_app;
