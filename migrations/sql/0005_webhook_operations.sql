-- What operators do with webhooks. The retry window of an event counts from its last replay.

ALTER TABLE strongroom.webhook_inbox ADD replayed_at timestamptz;
CREATE INDEX webhook_inbox_dead ON strongroom.webhook_inbox (id) WHERE state = 'dead';
-- Receipt grows with the id, so a few pages tell all there is to know and cost an insert nothing.
CREATE INDEX webhook_inbox_received ON strongroom.webhook_inbox USING brin (received_at);

-- In place of the settings' window, from when an operator said so.
CREATE TABLE strongroom.webhook_retry_windows (
  provider text PRIMARY KEY,
  hours int NOT NULL CHECK (hours BETWEEN 1 AND 720),
  set_by text NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE strongroom.webhook_replays (
  id text PRIMARY KEY,
  source text NOT NULL CHECK (source IN ('inbox', 'stripe')),
  event_ids text[],                              -- as the provider names them
  from_at timestamptz,
  to_at timestamptz,
  status text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
  accepted int,                                  -- how many it is about; null: only Stripe knows
  replayed int NOT NULL DEFAULT 0,
  duplicates int NOT NULL DEFAULT 0,             -- of Stripe's list: in the inbox already
  missing int NOT NULL DEFAULT 0,                -- of the ids: Stripe does not know them
  position text,
  error text,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  CHECK ((event_ids IS NULL) = (from_at IS NOT NULL AND to_at IS NOT NULL)),
  CHECK (from_at < to_at),
  CHECK ((status = 'running') = (finished_at IS NULL))
);

GRANT SELECT, INSERT, UPDATE
  ON strongroom.webhook_retry_windows, strongroom.webhook_replays TO strongroom_app;
