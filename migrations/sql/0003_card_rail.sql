-- The card rail, whole: captures in part, checkout pages, refunds, disputes, calls that are resolved.

ALTER TABLE strongroom.payments
  ADD amount_captured strongroom.minor_units NOT NULL DEFAULT 0,
  ADD authorized_at timestamptz,                 -- reserved on the card, to be captured by us
  ADD next_action jsonb,
  ADD checkout_session_ref text,
  ADD checkout_url_encrypted bytea,
  ADD poll_at timestamptz,                       -- when to ask the provider; null: nothing to learn
  ADD polls int NOT NULL DEFAULT 0;
UPDATE strongroom.payments SET amount_captured = amount
 WHERE status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed');
UPDATE strongroom.payments SET poll_at = updated_at
 WHERE status IN ('created', 'requires_action', 'processing');
ALTER TABLE strongroom.payments
  ADD CHECK (amount_captured <= amount),
  ADD CHECK (amount_refunded <= amount_captured),
  ADD UNIQUE (provider, checkout_session_ref);
CREATE INDEX payments_poll ON strongroom.payments (poll_at) WHERE poll_at IS NOT NULL;

-- Every call is an intent first. What it asks for is kept, so that it can be repeated word for word
-- under its key, and whose reference it stands for, so that who asks again learns what came of it.
ALTER TABLE strongroom.provider_calls
  ADD request jsonb NOT NULL DEFAULT '{}',
  ADD failure jsonb,                             -- a decline, as it is shown to the payer
  ADD principal text,                            -- with the next two: the claim it stands for
  ADD claim_operation text,
  ADD reference text,
  ADD attempts int NOT NULL DEFAULT 0,           -- how often its outcome was looked up
  ADD due_at timestamptz,                        -- when to look its outcome up
  DROP CONSTRAINT provider_calls_state_check,
  ADD CONSTRAINT provider_calls_state_check
    CHECK (state IN ('intent', 'done', 'refused', 'declined', 'unknown')),
  DROP CONSTRAINT provider_calls_check,
  ADD CONSTRAINT provider_calls_check
    CHECK ((state IN ('done', 'refused', 'declined')) = (finished_at IS NOT NULL));
UPDATE strongroom.provider_calls SET due_at = created_at WHERE state IN ('intent', 'unknown');
DROP INDEX strongroom.provider_calls_open;
CREATE INDEX provider_calls_due ON strongroom.provider_calls (due_at)
  WHERE state IN ('intent', 'unknown');

-- A refund: ours (asked for here) or the provider's (made in its dashboard, or by its rules).
CREATE TABLE strongroom.refunds (
  id text PRIMARY KEY,
  payment_id text NOT NULL REFERENCES strongroom.payments,
  provider text NOT NULL,
  provider_ref text,
  origin text NOT NULL CHECK (origin IN ('api', 'provider')),
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'canceled')),
  reason text,
  failure_code text,
  occurred_at timestamptz NOT NULL,              -- of the fact that gave it its status
  -- What the ledger knows of it: nothing, money reserved for it, gone, come back.
  booked text NOT NULL DEFAULT 'nothing'
    CHECK (booked IN ('nothing', 'held', 'refunded', 'returned', 'released')),
  hold_id bigint,
  owed strongroom.minor_units NOT NULL DEFAULT 0, -- what the escrow lacked: the seller's debt
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (owed <= amount),
  UNIQUE (provider, provider_ref)
);
CREATE INDEX refunds_payment ON strongroom.refunds (payment_id, id);

-- A dispute: `warning` asks questions, `open` took the money, `won` gave it back, `lost` did not.
CREATE TABLE strongroom.disputes (
  id text PRIMARY KEY,
  payment_id text NOT NULL REFERENCES strongroom.payments,
  provider text NOT NULL,
  provider_ref text NOT NULL,
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  status text NOT NULL CHECK (status IN ('warning', 'warning_closed', 'open', 'won', 'lost')),
  reason text NOT NULL,
  evidence_due_by timestamptz,
  occurred_at timestamptz NOT NULL,              -- of the fact that gave it its status
  booked text NOT NULL DEFAULT 'nothing' CHECK (booked IN ('nothing', 'open', 'won', 'lost')),
  hold_id bigint,                                -- what is kept back in the order's escrow meanwhile
  owed strongroom.minor_units NOT NULL DEFAULT 0, -- what the escrow lacked: the seller's debt
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (owed <= amount),
  UNIQUE (provider, provider_ref)
);
CREATE INDEX disputes_payment ON strongroom.disputes (payment_id, id);

CREATE TRIGGER refunds_fixed
  BEFORE UPDATE OF id, payment_id, amount, currency OR DELETE OR TRUNCATE
  ON strongroom.refunds FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
CREATE TRIGGER disputes_fixed
  BEFORE UPDATE OF id, payment_id, currency OR DELETE OR TRUNCATE
  ON strongroom.disputes FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

GRANT SELECT, INSERT, UPDATE ON strongroom.refunds, strongroom.disputes TO strongroom_app;
