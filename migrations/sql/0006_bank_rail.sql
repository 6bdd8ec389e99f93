-- The bank rail: links that payers follow to their bank, and money as it really arrived.

ALTER TABLE strongroom.payments
  ADD provider_status text,                      -- the provider's own word for where it stands
  ADD provider_status_at timestamptz,            -- of when that is: a newer word replaces it
  ADD taken_back_at timestamptz,                 -- the provider took back what came by then
  ADD bank_reference text COLLATE "C",           -- what a transfer for it quotes
  ADD link_url_encrypted bytea,
  ADD expires_at timestamptz,                    -- until when it may be paid, but for extensions
  ADD amount_received strongroom.minor_units NOT NULL DEFAULT 0,  -- the sum of its receipts
  ADD CONSTRAINT payments_bank_reference UNIQUE (bank_reference),
  ADD CONSTRAINT payments_bank_fields
    CHECK ((rail = 'bank') = (bank_reference IS NOT NULL AND expires_at IS NOT NULL));

CREATE TRIGGER payments_bank_fixed
  BEFORE UPDATE OF bank_reference
  ON strongroom.payments FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- Money that arrived at our bank for a payment: told by its provider, or found on a statement.
-- What is not applied and did not go back waits in suspense.
CREATE TABLE strongroom.bank_receipts (
  id text COLLATE "C" PRIMARY KEY,               -- rcp_…
  payment_id text NOT NULL REFERENCES strongroom.payments,
  source text NOT NULL,                          -- the provider's name, or 'statement'
  receipt_ref text COLLATE "C" NOT NULL,         -- the provider's id of it, or the statement line's
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  occurred_at timestamptz NOT NULL,
  amount_applied strongroom.minor_units NOT NULL DEFAULT 0,   -- of it, held for the order
  amount_returned strongroom.minor_units NOT NULL DEFAULT 0,  -- of it, gone or going back
  reason text CHECK (reason IN ('short', 'over', 'twice', 'late')),  -- why not all is applied
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (amount_applied + amount_returned <= amount),
  CHECK (amount_applied = amount OR reason IS NOT NULL),
  UNIQUE (source, receipt_ref)
);
CREATE INDEX bank_receipts_payment ON strongroom.bank_receipts (payment_id, id);
CREATE INDEX bank_receipts_suspended ON strongroom.bank_receipts (id)
  WHERE amount_applied + amount_returned < amount;
CREATE TRIGGER bank_receipts_fixed
  BEFORE UPDATE OF id, payment_id, source, receipt_ref, amount, currency OR DELETE OR TRUNCATE
  ON strongroom.bank_receipts FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- A refund of money that was never held for an order comes out of suspense. By bank a refund takes
-- its time: while it is pending, the provider is asked about it.
ALTER TABLE strongroom.refunds
  ADD receipt_id text COLLATE "C" REFERENCES strongroom.bank_receipts,
  ADD poll_at timestamptz;                       -- when to ask the provider; null: nothing to learn
UPDATE strongroom.refunds SET poll_at = updated_at
 WHERE status = 'pending' AND provider_ref IS NOT NULL;
CREATE INDEX refunds_poll ON strongroom.refunds (poll_at) WHERE poll_at IS NOT NULL;
CREATE INDEX refunds_receipt ON strongroom.refunds (receipt_id) WHERE receipt_id IS NOT NULL;

-- Deadlines put off by an operator: of one payment, or of all that a provider carries.
CREATE TABLE strongroom.deadline_extensions (
  id text COLLATE "C" PRIMARY KEY,               -- ext_…
  batch_id text COLLATE "C" NOT NULL,            -- ext_…: what was asked for at once
  payment_id text REFERENCES strongroom.payments,
  provider text,
  extended_until timestamptz NOT NULL,
  reason text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  CHECK ((payment_id IS NULL) <> (provider IS NULL)),
  CHECK (extended_until > created_at)
);
CREATE INDEX deadline_extensions_batch ON strongroom.deadline_extensions (batch_id);
CREATE INDEX deadline_extensions_payment ON strongroom.deadline_extensions (payment_id);
CREATE INDEX deadline_extensions_provider ON strongroom.deadline_extensions (provider);
CREATE TRIGGER deadline_extensions_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.deadline_extensions FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- Nothing expires while an extension is in force, whoever tries.
CREATE FUNCTION strongroom.refuse_early_expiry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM strongroom.deadline_extensions
              WHERE (payment_id = NEW.id OR provider = NEW.provider)
                AND created_at <= NEW.updated_at AND extended_until > NEW.updated_at) THEN
    RAISE EXCEPTION 'the deadline of % is extended', NEW.id USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_no_early_expiry
  BEFORE UPDATE OF status ON strongroom.payments FOR EACH ROW
  WHEN (NEW.rail = 'bank' AND NEW.status = 'expired' AND OLD.status <> 'expired')
  EXECUTE FUNCTION strongroom.refuse_early_expiry();

GRANT SELECT, INSERT, UPDATE ON strongroom.bank_receipts TO strongroom_app;
GRANT SELECT, INSERT ON strongroom.deadline_extensions TO strongroom_app;
