-- The crypto rail and releases of every rail: escrows on chain, transactions sent exactly once,
-- what the chain shows, releases, payouts to sellers, freezes.

CREATE DOMAIN strongroom.address AS text COLLATE "C" CHECK (value ~ '^0x[0-9a-fA-F]{40}$');
CREATE DOMAIN strongroom.hash32 AS text COLLATE "C" CHECK (value ~ '^0x[0-9a-f]{64}$');

-- ---- where sellers and buyers are paid -------------------------------------------------------

-- Changed only by two people and after a time to cool off; the one in force is the newest that is
-- approved and whose time has come.
CREATE TABLE strongroom.payout_destinations (
  id text COLLATE "C" PRIMARY KEY,               -- dst_…
  party_id text NOT NULL REFERENCES strongroom.parties,
  kind text NOT NULL CHECK (kind IN ('chain', 'stripe', 'bank')),
  chain text,                                    -- of kind chain: the network's name
  currency text,                                 -- of kind bank
  destination_encrypted bytea NOT NULL,          -- address, connected account, or IBAN and holder
  hint text NOT NULL,                            -- what of it may be shown
  status text NOT NULL CHECK (status IN ('proposed', 'approved', 'rejected')),
  active_from timestamptz,
  proposed_by text NOT NULL,
  decided_by text,
  created_at timestamptz NOT NULL,
  decided_at timestamptz,
  CHECK ((kind = 'chain') = (chain IS NOT NULL)),
  CHECK ((kind = 'bank') = (currency IS NOT NULL)),
  CHECK ((status = 'proposed') = (decided_by IS NULL AND decided_at IS NULL)),
  CHECK ((status = 'approved') = (active_from IS NOT NULL)),
  CHECK (decided_by <> proposed_by)              -- four eyes
);
CREATE INDEX payout_destinations_party ON strongroom.payout_destinations (party_id, id);
CREATE TRIGGER payout_destinations_fixed
  BEFORE UPDATE OF id, party_id, kind, chain, currency, hint, proposed_by, created_at
    OR DELETE OR TRUNCATE
  ON strongroom.payout_destinations FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- ---- sending ---------------------------------------------------------------------------------

CREATE TABLE strongroom.chain_signers (
  chain text COLLATE "C" NOT NULL,
  address strongroom.address NOT NULL,
  next_nonce bigint NOT NULL CHECK (next_nonce >= 0),
  frozen_at timestamptz,
  frozen_reason text,
  looked_at timestamptz,                         -- when its nonces were last compared
  created_at timestamptz NOT NULL,
  PRIMARY KEY (chain, address),
  CHECK ((frozen_at IS NULL) = (frozen_reason IS NULL))
);

-- What is to be done on chain, once. Its nonce is taken when it is signed, and given back only if
-- nothing that was signed with it ever left us.
CREATE TABLE strongroom.chain_intents (
  id text COLLATE "C" PRIMARY KEY,               -- cti_…
  chain text COLLATE "C" NOT NULL,
  signer strongroom.address NOT NULL,
  kind text NOT NULL CHECK (kind IN ('deploy', 'release', 'refund', 'dispute', 'noop')),
  subject_id text COLLATE "C" NOT NULL,          -- what it is for: esc_…, rel_…, rfd_…, or its own id
  to_address strongroom.address NOT NULL,
  calldata bytea NOT NULL,
  value strongroom.minor_units NOT NULL DEFAULT 0,
  asset text,                                    -- what it moves, for the limits
  amount strongroom.minor_units NOT NULL DEFAULT 0,
  state text NOT NULL CHECK (state IN ('queued', 'signed', 'broadcast', 'mined', 'final',
    'failed', 'canceled')),
  gas_limit bigint CHECK (gas_limit > 0),
  nonce bigint CHECK (nonce >= 0),
  mined_hash strongroom.hash32,
  block_number bigint,
  block_hash strongroom.hash32,
  error text,                                    -- why it failed, waits, or was canceled
  gas_paid strongroom.minor_units,               -- wei, once a block has it
  gas_entry_id bigint,                           -- of the ledger entry of that
  gas_bookings int NOT NULL DEFAULT 0,           -- how often it was booked
  signed_at timestamptz,
  broadcast_at timestamptz,                      -- before the first time it is handed in
  due_at timestamptz NOT NULL,                   -- when to do the next thing
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (kind, subject_id),
  UNIQUE (chain, signer, nonce),
  CHECK ((nonce IS NULL) = (state IN ('queued', 'canceled'))),
  CHECK (state NOT IN ('broadcast', 'mined', 'final') OR broadcast_at IS NOT NULL),
  CHECK ((state IN ('mined', 'final')) <= (block_hash IS NOT NULL AND mined_hash IS NOT NULL))
);
CREATE INDEX chain_intents_open ON strongroom.chain_intents (chain, signer, nonce)
  WHERE state NOT IN ('final', 'failed', 'canceled');
CREATE INDEX chain_intents_gas ON strongroom.chain_intents (chain, id)
  WHERE state IN ('final', 'failed') AND gas_paid IS NOT NULL AND gas_entry_id IS NULL;
CREATE INDEX chain_intents_spent ON strongroom.chain_intents (chain, signer, signed_at);
CREATE TRIGGER chain_intents_fixed
  BEFORE UPDATE OF id, chain, signer, kind, subject_id, to_address, calldata, value, asset, amount
    OR DELETE OR TRUNCATE
  ON strongroom.chain_intents FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

CREATE FUNCTION strongroom.keep_nonce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the nonce of % may still be mined', OLD.id USING ERRCODE = '23514';
END $$;
CREATE TRIGGER chain_intents_keep_nonce
  BEFORE UPDATE OF nonce ON strongroom.chain_intents FOR EACH ROW
  WHEN (OLD.nonce IS DISTINCT FROM NEW.nonce AND OLD.broadcast_at IS NOT NULL)
  EXECUTE FUNCTION strongroom.keep_nonce();

-- Every signed form of an intent: same nonce, same calldata, another fee. Kept before it is sent.
CREATE TABLE strongroom.chain_attempts (
  tx_hash strongroom.hash32 PRIMARY KEY,
  intent_id text NOT NULL REFERENCES strongroom.chain_intents,
  nonce bigint NOT NULL,
  raw_encrypted bytea NOT NULL,
  max_fee strongroom.minor_units NOT NULL,       -- wei per unit of gas
  priority_fee strongroom.minor_units NOT NULL,
  signed_at timestamptz NOT NULL,
  broadcast_at timestamptz,                      -- before it is first handed in
  discarded_at timestamptz,                      -- never handed in, and never will be
  CHECK (broadcast_at IS NULL OR discarded_at IS NULL)
);
CREATE INDEX chain_attempts_intent ON strongroom.chain_attempts (intent_id, signed_at);
CREATE TRIGGER chain_attempts_fixed
  BEFORE UPDATE OF tx_hash, intent_id, nonce, max_fee, priority_fee, signed_at
    OR DELETE OR TRUNCATE
  ON strongroom.chain_attempts FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- ---- escrows ---------------------------------------------------------------------------------

CREATE TABLE strongroom.escrows (
  id text COLLATE "C" PRIMARY KEY,               -- esc_…
  order_id text NOT NULL REFERENCES strongroom.orders,
  payment_id text NOT NULL UNIQUE REFERENCES strongroom.payments,
  seller_id text NOT NULL REFERENCES strongroom.parties,
  chain text COLLATE "C" NOT NULL,
  asset text NOT NULL,
  token_address strongroom.address,              -- null: the chain's own coin
  contract_address strongroom.address NOT NULL,  -- known before it is deployed
  chain_reference strongroom.hash32 NOT NULL UNIQUE,
  depositor strongroom.address NOT NULL,
  beneficiary strongroom.address NOT NULL,
  operator strongroom.address NOT NULL,
  arbiter strongroom.address NOT NULL,
  guardian strongroom.address NOT NULL,
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  fund_by timestamptz NOT NULL,
  release_by timestamptz NOT NULL,
  arbiter_by timestamptz NOT NULL,
  -- What follows is worked out from the effects below.
  status text NOT NULL CHECK (status IN ('deploying', 'awaiting_deposit', 'deposit_seen', 'funded',
    'disputed', 'closed', 'expired', 'failed')),
  is_paused boolean NOT NULL DEFAULT false,
  amount_deposited strongroom.minor_units NOT NULL DEFAULT 0,   -- final, as the next ones
  amount_released strongroom.minor_units NOT NULL DEFAULT 0,
  amount_refunded strongroom.minor_units NOT NULL DEFAULT 0,
  amount_stray strongroom.minor_units NOT NULL DEFAULT 0,       -- sent past the deposit
  dispute_reason text,                           -- why we were asked to open a dispute
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (chain, contract_address),
  CHECK (created_at < fund_by AND fund_by < release_by AND release_by < arbiter_by),
  CHECK (amount_deposited <= amount),
  CHECK (amount_released + amount_refunded <= amount_deposited)
);
-- Not of funded ones: a reorganisation may bring back a deposit after all.
CREATE UNIQUE INDEX escrows_one_open ON strongroom.escrows (order_id)
  WHERE status IN ('deploying', 'awaiting_deposit');
CREATE INDEX escrows_watched ON strongroom.escrows (chain, id)
  WHERE status NOT IN ('closed', 'failed');
CREATE TRIGGER escrows_fixed
  BEFORE UPDATE OF id, order_id, payment_id, seller_id, chain, asset, token_address,
    contract_address, chain_reference, depositor, beneficiary, operator, arbiter, guardian, amount,
    fund_by, release_by, arbiter_by OR DELETE OR TRUNCATE
  ON strongroom.escrows FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

ALTER TABLE strongroom.payments ADD escrow_id text COLLATE "C" UNIQUE,
  ADD CHECK ((rail = 'crypto') = (escrow_id IS NOT NULL));

-- What happened on an escrow's contract, by the chain as it is now. The same thing in another block
-- after a reorganisation is the same row; one that is in no block any more is orphaned.
CREATE TABLE strongroom.escrow_effects (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  escrow_id text NOT NULL REFERENCES strongroom.escrows,
  key text COLLATE "C" NOT NULL,                 -- what of: 'deposited', 'released:0x…', '…:tx:log'
  kind text NOT NULL CHECK (kind IN ('created', 'deposited', 'released', 'refunded', 'reclaimed',
    'disputed', 'paused', 'unpaused', 'parked', 'withdrawn', 'rescued', 'stray')),
  operation_id strongroom.hash32,
  amount strongroom.minor_units NOT NULL DEFAULT 0,
  actor text,
  token_address strongroom.address,
  tx_hash strongroom.hash32 NOT NULL,
  log_index int NOT NULL,
  block_number bigint NOT NULL,
  block_hash strongroom.hash32 NOT NULL,
  block_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('seen', 'final', 'orphaned')),
  subject_id text,                               -- the release or refund it is
  bookings int NOT NULL DEFAULT 0,               -- how often it was booked
  entry_id bigint,                               -- of the booking in force; null: none is
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (escrow_id, key)
);
CREATE INDEX escrow_effects_unfinal ON strongroom.escrow_effects (block_number) WHERE state = 'seen';
CREATE INDEX escrow_effects_block ON strongroom.escrow_effects (block_number);
CREATE INDEX escrow_effects_undo ON strongroom.escrow_effects (escrow_id)
  WHERE state <> 'final' AND entry_id IS NOT NULL;
CREATE TRIGGER escrow_effects_fixed
  BEFORE UPDATE OF id, escrow_id, key, kind, operation_id OR DELETE OR TRUNCATE
  ON strongroom.escrow_effects FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

CREATE INDEX refunds_on_chain ON strongroom.refunds (payment_id)
  WHERE provider = 'evm' AND status = 'pending';

-- How far each chain was read, and the hashes that tell a reorganisation.
CREATE TABLE strongroom.chain_cursors (
  chain text COLLATE "C" PRIMARY KEY,
  chain_id bigint NOT NULL,
  scanned_to bigint NOT NULL,                    -- every block up to here was read
  final_to bigint NOT NULL,
  final_at timestamptz NOT NULL,                 -- the latest time of a block that was final
  turn bigint NOT NULL DEFAULT 0,                -- whose turn it is: an older one may not write
  error text,                                    -- why it stands still
  scanned_at timestamptz NOT NULL,
  CHECK (final_to <= scanned_to)
);
CREATE TABLE strongroom.chain_blocks (
  chain text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  hash strongroom.hash32 NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (chain, number)
);

-- ---- freezes ---------------------------------------------------------------------------------

-- Releases stop while one is in force that covers them; it takes two people to lift one.
CREATE TABLE strongroom.freezes (
  id text COLLATE "C" PRIMARY KEY,               -- frz_…
  scope text NOT NULL CHECK (scope IN ('all', 'order')),
  order_id text REFERENCES strongroom.orders,
  reason text NOT NULL CHECK (reason <> ''),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  in_force_after bigint,                         -- the newest entry when all that ran had ended
  lift_reason text,
  lift_requested_by text,
  lift_requested_at timestamptz,
  lifted_by text,
  lifted_at timestamptz,
  lifted_after bigint,                           -- the newest entry when it was lifted
  CHECK ((scope = 'order') = (order_id IS NOT NULL)),
  CHECK (num_nulls(lift_reason, lift_requested_by, lift_requested_at) IN (0, 3)),
  CHECK (num_nulls(lifted_by, lifted_at, lifted_after) IN (0, 3)),
  CHECK (lifted_by IS NULL OR lift_requested_by IS NOT NULL),
  CHECK (lifted_by <> lift_requested_by)         -- four eyes
);
CREATE INDEX freezes_in_force ON strongroom.freezes (scope, order_id) WHERE lifted_at IS NULL;
CREATE TRIGGER freezes_fixed
  BEFORE UPDATE OF id, scope, order_id, reason, created_by, created_at OR DELETE OR TRUNCATE
  ON strongroom.freezes FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- ---- releases --------------------------------------------------------------------------------

-- Held funds that go to the seller. The parts of `amount` are fixed when it is asked for.
CREATE TABLE strongroom.releases (
  id text COLLATE "C" PRIMARY KEY,               -- rel_…
  order_id text NOT NULL REFERENCES strongroom.orders,
  payment_id text NOT NULL REFERENCES strongroom.payments,
  escrow_id text REFERENCES strongroom.escrows,  -- null: money of a card or bank payment
  operation_id strongroom.hash32,                -- what the contract knows it by
  origin text NOT NULL CHECK (origin IN ('api', 'chain')),      -- chain: the depositor's own
  seller_id text NOT NULL REFERENCES strongroom.parties,
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  platform_fee strongroom.minor_units NOT NULL,
  tax strongroom.minor_units NOT NULL,
  set_off strongroom.minor_units NOT NULL DEFAULT 0,    -- kept to pay the seller's debt, once posted
  status text NOT NULL CHECK (status IN ('requested', 'approved', 'signed', 'broadcast', 'mined',
    'posted', 'failed', 'canceled')),
  needs_approval boolean NOT NULL,
  hold_id bigint,
  failure_code text,
  failure_message text,
  requested_by text NOT NULL,
  approved_by text,
  canceled_by text,
  cancel_reason text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  posted_at timestamptz,
  -- Others may use ours on chain before us, and after a reorganisation for another amount.
  UNIQUE (escrow_id, operation_id, origin, requested_by, amount),
  CHECK (platform_fee + tax + set_off <= amount),
  CHECK ((escrow_id IS NULL) = (operation_id IS NULL)),
  CHECK (approved_by <> requested_by),           -- four eyes
  CHECK (NOT needs_approval OR status IN ('requested', 'canceled', 'failed')
         OR approved_by IS NOT NULL),
  CHECK ((status = 'posted') = (posted_at IS NOT NULL)),
  CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
  CHECK (canceled_by IS NULL OR status = 'canceled'),
  CHECK (num_nulls(canceled_by, cancel_reason) IN (0, 2))
);
CREATE INDEX releases_order ON strongroom.releases (order_id, id);
CREATE INDEX releases_escrow ON strongroom.releases (escrow_id) WHERE escrow_id IS NOT NULL;
CREATE INDEX releases_open ON strongroom.releases (id)
  WHERE status NOT IN ('posted', 'failed', 'canceled');
CREATE TRIGGER releases_fixed
  BEFORE UPDATE OF id, order_id, payment_id, escrow_id, operation_id, origin, seller_id, amount,
    currency, platform_fee, tax, needs_approval, requested_by OR DELETE OR TRUNCATE
  ON strongroom.releases FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- What is asked before each step is kept here too: nothing is released past a freeze, once that is
-- answered; what had begun before may end.
CREATE FUNCTION strongroom.refuse_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  released text := CASE TG_TABLE_NAME WHEN 'releases' THEN to_jsonb(NEW) ->> 'id'
                                      ELSE to_jsonb(NEW) ->> 'subject_id' END;
  ordered text := CASE TG_TABLE_NAME WHEN 'releases' THEN to_jsonb(NEW) ->> 'order_id' END;
BEGIN
  IF ordered IS NULL THEN
    SELECT order_id INTO ordered FROM strongroom.releases WHERE id = released;
  END IF;
  IF EXISTS (SELECT FROM strongroom.freezes
              WHERE lifted_at IS NULL AND in_force_after IS NOT NULL
                AND (scope = 'all' OR order_id = ordered)) THEN
    RAISE EXCEPTION 'releases are frozen: % must wait', released USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER releases_refuse_frozen
  BEFORE INSERT OR UPDATE OF status ON strongroom.releases FOR EACH ROW
  WHEN (NEW.status = 'posted' AND NEW.escrow_id IS NULL)
  EXECUTE FUNCTION strongroom.refuse_frozen();
CREATE TRIGGER chain_intents_refuse_frozen
  BEFORE UPDATE OF broadcast_at ON strongroom.chain_intents FOR EACH ROW
  WHEN (NEW.kind = 'release' AND OLD.broadcast_at IS NULL AND NEW.broadcast_at IS NOT NULL)
  EXECUTE FUNCTION strongroom.refuse_frozen();

-- ---- payouts to sellers ----------------------------------------------------------------------

-- What a release owes its seller, on its way: by transfer to a connected account, or by bank.
CREATE TABLE strongroom.seller_payouts (
  id text COLLATE "C" PRIMARY KEY,               -- pyo_…
  release_id text NOT NULL UNIQUE REFERENCES strongroom.releases,
  order_id text NOT NULL REFERENCES strongroom.orders,
  payment_id text NOT NULL REFERENCES strongroom.payments,      -- whose money it is
  seller_id text NOT NULL REFERENCES strongroom.parties,
  destination_id text REFERENCES strongroom.payout_destinations,
  provider text NOT NULL,                        -- who has the money: stripe, truelayer, …
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  amount_paid strongroom.minor_units NOT NULL DEFAULT 0,        -- booked, less what came back
  currency text NOT NULL,
  -- waiting: no destination yet; queued, intent: about to be, perhaps, sent; unknown: no answer.
  status text NOT NULL CHECK (status IN ('waiting', 'queued', 'intent', 'unknown', 'pending',
    'paid', 'failed')),
  hold_id bigint,                                -- on what is owed to the seller
  failure_code text,
  attempts int NOT NULL DEFAULT 0,               -- how often it was sent, or perhaps sent
  looks int NOT NULL DEFAULT 0,                  -- how often the latest was asked about in vain
  due_at timestamptz,                            -- when to do the next thing; null: nothing to do
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  paid_at timestamptz,
  CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
  CHECK ((status = 'paid') = (amount_paid = amount)),
  CHECK (amount_paid <= amount),
  CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
  CHECK ((status IN ('paid', 'failed')) = (hold_id IS NULL)),
  CHECK (status NOT IN ('queued', 'intent', 'unknown', 'pending', 'paid')
         OR destination_id IS NOT NULL)
);
CREATE INDEX seller_payouts_due ON strongroom.seller_payouts (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX seller_payouts_waiting ON strongroom.seller_payouts (id) WHERE status = 'waiting';
CREATE INDEX seller_payouts_seller ON strongroom.seller_payouts (seller_id, id);
CREATE INDEX seller_payouts_payment ON strongroom.seller_payouts (payment_id);
CREATE TRIGGER seller_payouts_fixed
  BEFORE UPDATE OF id, release_id, order_id, payment_id, seller_id, provider, amount, currency
    OR DELETE OR TRUNCATE
  ON strongroom.seller_payouts FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- Each time a payout was sent, or perhaps sent: written down before the provider is called.
CREATE TABLE strongroom.seller_payout_attempts (
  payout_id text NOT NULL REFERENCES strongroom.seller_payouts,
  number int NOT NULL CHECK (number > 0),
  provider text NOT NULL,
  provider_ref text COLLATE "C",                 -- tr_…, or the bank provider's payout
  source_ref text COLLATE "C",                   -- the charge whose money it is, at Stripe
  destination_id text NOT NULL REFERENCES strongroom.payout_destinations,
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  amount_returned strongroom.minor_units NOT NULL DEFAULT 0,
  state text NOT NULL CHECK (state IN ('open', 'paid', 'failed')),
  failure_code text,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (payout_id, number),
  UNIQUE (provider, provider_ref),
  CHECK ((state = 'open') = (ended_at IS NULL)),
  CHECK (amount_returned <= amount),
  CHECK (amount_returned = 0 OR state = 'paid'),
  CHECK (state <> 'paid' OR provider_ref IS NOT NULL)
);
CREATE UNIQUE INDEX seller_payout_attempts_one_open ON strongroom.seller_payout_attempts (payout_id)
  WHERE state = 'open';
CREATE TRIGGER seller_payout_attempts_fixed
  BEFORE UPDATE OF payout_id, number, provider, destination_id, amount, created_at
    OR DELETE OR TRUNCATE
  ON strongroom.seller_payout_attempts FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- Transfers to sellers' connected accounts are booked by their payouts, not by settlement.
ALTER TABLE strongroom.balance_transactions DROP CONSTRAINT balance_transactions_awaits_check,
  ADD CONSTRAINT balance_transactions_awaits_check CHECK (awaits IN ('charge', 'refund',
    'refund_returned', 'dispute', 'dispute_won', 'payout', 'payout_returned'));

GRANT SELECT, INSERT, UPDATE ON strongroom.payout_destinations, strongroom.chain_signers,
  strongroom.chain_intents, strongroom.chain_attempts, strongroom.escrows,
  strongroom.escrow_effects, strongroom.chain_cursors, strongroom.chain_blocks,
  strongroom.freezes, strongroom.releases, strongroom.seller_payouts,
  strongroom.seller_payout_attempts TO strongroom_app;
GRANT DELETE ON strongroom.chain_blocks TO strongroom_app;

-- Who signs reads what is to be signed and what that is for, and writes nothing: the process that
-- has the keys logs in as a member of this role and takes it on with SET ROLE.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_signer') THEN
    CREATE ROLE strongroom_signer NOLOGIN;
  END IF;
EXCEPTION
  -- Another database of the same cluster is being migrated at this moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN EXECUTE format('GRANT strongroom_signer TO %I', current_user); END $$;
GRANT USAGE ON SCHEMA strongroom TO strongroom_signer;
GRANT SELECT ON strongroom.chain_signers, strongroom.chain_intents, strongroom.escrows,
  strongroom.releases, strongroom.refunds, strongroom.freezes TO strongroom_signer;
GRANT SELECT (tx_hash, intent_id, nonce, broadcast_at, discarded_at) ON strongroom.chain_attempts
  TO strongroom_signer;
