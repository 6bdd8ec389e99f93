-- What operators ask providers, which declines a payment went through, and what became of dead
-- letters.

-- An operator has a provider asked about what waits there: one payment, or all of a provider.
CREATE TABLE strongroom.provider_asks (
  id text COLLATE "C" PRIMARY KEY,
  provider text NOT NULL,
  payment_id text REFERENCES strongroom.payments,
  status text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
  accepted bigint NOT NULL CHECK (accepted >= 0),
  asked bigint NOT NULL DEFAULT 0 CHECK (asked >= 0),
  changed bigint NOT NULL DEFAULT 0 CHECK (changed BETWEEN 0 AND asked),
  position text COLLATE "C",
  error text,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX provider_asks_of_payment ON strongroom.provider_asks (payment_id)
  WHERE payment_id IS NOT NULL;

-- Each time a payer's bank said no, as whoever told it put it: appended, never changed.
CREATE TABLE strongroom.payment_declines (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payment_id text NOT NULL REFERENCES strongroom.payments,
  cause text NOT NULL,
  code text NOT NULL,
  stripe_code text,
  message text NOT NULL,
  next_step text NOT NULL,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  UNIQUE (payment_id, cause, occurred_at)
);

-- Dead letters that somebody had tried again: how many of which kind, by whom and why.
CREATE TABLE strongroom.dead_letter_replays (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('event', 'job', 'notice')),
  accepted bigint NOT NULL CHECK (accepted >= 0),
  skipped bigint NOT NULL CHECK (skipped >= 0),
  reason text NOT NULL,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL
);

-- Dead letters that somebody gave up for good: what they are of can never be done, or need not be.
-- They stay where they are, dead, and say by which of these; whoever replays one takes that off.
CREATE TABLE strongroom.dead_letter_discards (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('event', 'job', 'notice')),
  accepted bigint NOT NULL CHECK (accepted >= 0),
  skipped bigint NOT NULL CHECK (skipped >= 0),
  reason text NOT NULL,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL
);
ALTER TABLE strongroom.webhook_inbox
  ADD discard_id text COLLATE "C" REFERENCES strongroom.dead_letter_discards
    CHECK (discard_id IS NULL OR state = 'dead');
ALTER TABLE strongroom.outbox
  ADD discard_id text COLLATE "C" REFERENCES strongroom.dead_letter_discards
    CHECK (discard_id IS NULL OR state = 'dead');
ALTER TABLE strongroom.notice_deliveries
  ADD discard_id text COLLATE "C" REFERENCES strongroom.dead_letter_discards
    CHECK (discard_id IS NULL OR state = 'failed');

-- The dead are few and looked for often; so is what was refused once and is tried again.
CREATE INDEX webhook_inbox_troubled ON strongroom.webhook_inbox (received_at)
  WHERE state = 'new' AND attempts > 0;
CREATE INDEX outbox_dead ON strongroom.outbox (id) WHERE state = 'dead';

GRANT SELECT, INSERT ON strongroom.provider_asks TO strongroom_app, strongroom_api;
GRANT SELECT, UPDATE (status, asked, changed, position, error, finished_at)
  ON strongroom.provider_asks TO strongroom_app, strongroom_worker;
GRANT SELECT, INSERT ON strongroom.payment_declines
  TO strongroom_app, strongroom_api, strongroom_worker;
GRANT SELECT, INSERT ON strongroom.dead_letter_replays, strongroom.dead_letter_discards
  TO strongroom_app, strongroom_api;
GRANT SELECT ON strongroom.provider_asks, strongroom.payment_declines,
  strongroom.dead_letter_replays, strongroom.dead_letter_discards TO strongroom_auditor;
GRANT SELECT (discard_id) ON strongroom.webhook_inbox, strongroom.outbox,
  strongroom.notice_deliveries TO strongroom_auditor;
