-- Notices to the platform's backend, as Standard Webhooks. A notice is made of a live event in the
-- transaction that numbers it, so the change itself writes nothing more; a delivery is one notice
-- to one endpoint. `due_at` of a delivery under way is when it counts as lost and is sent again.
CREATE TABLE strongroom.notice_endpoints (
  id text PRIMARY KEY,
  url text NOT NULL CHECK (length(url) <= 500),
  description text NOT NULL DEFAULT '',
  topics text[] NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled', 'deleted')),
  disabled_reason text CHECK (disabled_reason IN ('by_hand', 'failing', 'gone')),
  disabled_at timestamptz,
  failing_since timestamptz,
  paused_until timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL)),
  CHECK ((status = 'disabled') = (disabled_at IS NOT NULL))
);

CREATE TABLE strongroom.notice_secrets (
  id text PRIMARY KEY,
  endpoint_id text NOT NULL REFERENCES strongroom.notice_endpoints,
  secret_encrypted bytea NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz CHECK (ends_at >= starts_at)
);
CREATE INDEX notice_secrets_of ON strongroom.notice_secrets (endpoint_id);

CREATE TABLE strongroom.notices (
  id text PRIMARY KEY,
  type text NOT NULL,
  body text NOT NULL CHECK (length(body) <= 20000),
  created_at timestamptz NOT NULL
);
CREATE INDEX notices_by_time ON strongroom.notices (created_at);

CREATE TABLE strongroom.notice_deliveries (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notice_id text NOT NULL REFERENCES strongroom.notices ON DELETE CASCADE,
  endpoint_id text NOT NULL REFERENCES strongroom.notice_endpoints,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
  attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  due_at timestamptz NOT NULL,
  lease_token uuid,
  last_status int,
  last_error text,
  last_attempt_at timestamptz,
  delivered_at timestamptz,
  created_at timestamptz NOT NULL,
  UNIQUE (endpoint_id, notice_id),
  CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
);
CREATE INDEX notice_deliveries_due ON strongroom.notice_deliveries (endpoint_id, due_at)
  WHERE state = 'waiting';
CREATE INDEX notice_deliveries_of_notice ON strongroom.notice_deliveries (notice_id);
CREATE INDEX notice_deliveries_failed ON strongroom.notice_deliveries (number)
  WHERE state = 'failed';

CREATE TABLE strongroom.notice_replays (
  id text PRIMARY KEY,
  endpoint_id text NOT NULL REFERENCES strongroom.notice_endpoints,
  accepted int NOT NULL CHECK (accepted >= 0),
  next_since timestamptz,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON strongroom.notice_endpoints TO strongroom_app;
GRANT SELECT, INSERT, UPDATE, DELETE
   ON strongroom.notice_secrets, strongroom.notice_deliveries TO strongroom_app;
GRANT SELECT, INSERT, DELETE ON strongroom.notices TO strongroom_app;
GRANT SELECT, INSERT ON strongroom.notice_replays TO strongroom_app;
