-- Traces for incidents: what providers sent again, and from where each API key is used.

-- An event is kept once; that it came again is counted here, beside the inbox, whose rows are
-- locked while they are applied: so no foreign key leads there, which would wait for that lock.
CREATE TABLE strongroom.webhook_redeliveries (
  provider text NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  count bigint NOT NULL CHECK (count > 0),
  last_at timestamptz NOT NULL,
  PRIMARY KEY (provider, event_id)
);
CREATE INDEX webhook_redeliveries_lately ON strongroom.webhook_redeliveries (last_at);
CREATE INDEX idempotency_keys_lately ON strongroom.idempotency_keys USING brin (created_at);

-- From which network a key was used on which day: `uses` that opened something, `refused` ones
-- whose secret was right and that came too late. Written once a minute at most by each process.
CREATE TABLE strongroom.key_uses (
  key_id text COLLATE "C" NOT NULL REFERENCES strongroom.api_keys,
  network text NOT NULL CHECK (length(network) <= 64),
  day date NOT NULL,
  uses bigint NOT NULL DEFAULT 0 CHECK (uses >= 0),
  refused bigint NOT NULL DEFAULT 0 CHECK (refused >= 0),
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL CHECK (last_at >= first_at),
  PRIMARY KEY (key_id, day, network)
);
CREATE INDEX key_uses_kept ON strongroom.key_uses (last_at);

GRANT SELECT, INSERT, UPDATE ON strongroom.webhook_redeliveries TO strongroom_app;
GRANT SELECT, INSERT, UPDATE (count, last_at) ON strongroom.webhook_redeliveries
   TO strongroom_api;
GRANT SELECT, INSERT, UPDATE (uses, refused, last_at) ON strongroom.key_uses TO strongroom_api;
GRANT SELECT ON strongroom.key_uses TO strongroom_app;
GRANT SELECT, DELETE ON strongroom.key_uses TO strongroom_worker;
GRANT SELECT ON strongroom.webhook_redeliveries, strongroom.key_uses TO strongroom_auditor;
