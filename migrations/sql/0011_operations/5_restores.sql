-- Restores: a database that was brought back to an earlier moment has forgotten what providers have
-- done since. Until two people say that it knows again, it stands still: nothing is sent.

-- The histories of this database that are accepted: a restore to a moment, and a standby that takes
-- over, begin a new timeline of PostgreSQL; a copy loaded elsewhere has another system identifier.
CREATE TABLE strongroom.database_histories (
  system_identifier text NOT NULL,
  timeline bigint NOT NULL,
  accepted_at timestamptz NOT NULL,
  restore_id text,                               -- null: where it was when this table was made
  PRIMARY KEY (system_identifier, timeline)
);

CREATE TABLE strongroom.restores (
  id text COLLATE "C" PRIMARY KEY,               -- rst_…
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  restored_to timestamptz NOT NULL,              -- up to when it surely knows everything
  status text NOT NULL CHECK (status IN ('begun', 'finish_requested', 'finished')),
  system_identifier text NOT NULL,
  timeline bigint NOT NULL,
  begun_by text NOT NULL,
  begun_at timestamptz NOT NULL,
  reconciled_at timestamptz,                     -- the end of the last look that saw all providers
  figures jsonb NOT NULL DEFAULT '{}',
  look_status text CHECK (look_status IN ('waiting', 'running', 'failed', 'done')),
  look_step text,                                -- who is being asked, or was when it failed
  look_error text CHECK (length(look_error) <= 500),
  look_at timestamptz,                           -- since when the newest look stands so
  finish_requested_by text,
  finish_requested_at timestamptz,
  finished_by text,
  finished_at timestamptz,
  CHECK (num_nulls(finish_requested_by, finish_requested_at) IN (0, 2)),
  CHECK ((status = 'begun') = (finish_requested_by IS NULL)),
  CHECK ((status = 'finished') = (finished_by IS NOT NULL)),
  CHECK (num_nulls(finished_by, finished_at) IN (0, 2)),
  CHECK (finished_by <> finish_requested_by),    -- four eyes
  CHECK (status = 'begun' OR reconciled_at IS NOT NULL),
  CHECK ((look_status IS NULL) = (look_at IS NULL)),
  CHECK ((look_error IS NOT NULL) = (look_status IS NOT DISTINCT FROM 'failed'))
);
CREATE UNIQUE INDEX restores_one_open ON strongroom.restores ((true)) WHERE status <> 'finished';

-- What a provider has, or may have, and our books did not. `awaiting`: money of an order that left;
-- whoever asks for it again is answered with it, and nothing else of that order leaves meanwhile.
CREATE TABLE strongroom.restore_findings (
  id text COLLATE "C" PRIMARY KEY,               -- rsf_…
  restore_id text NOT NULL REFERENCES strongroom.restores,
  kind text NOT NULL CHECK (kind IN ('payment', 'refund', 'payout', 'release', 'dispute', 'chain',
    'event', 'to_check')),
  provider text NOT NULL,
  provider_ref text NOT NULL,                    -- its id there; of kind to_check: what to check
  status text NOT NULL CHECK (status IN ('open', 'adopted', 'awaiting', 'settled')),
  order_id text,
  payment_id text,
  our_id text,                                   -- our id of it, as we wrote it at the provider
  amount strongroom.minor_units,
  currency text,
  detail text NOT NULL,
  claimed_by text,                               -- what took the place of what was forgotten
  note text CHECK (length(note) BETWEEN 1 AND 500),
  settled_by text,
  settled_at timestamptz,
  found_at timestamptz NOT NULL,
  UNIQUE (restore_id, kind, provider, provider_ref),
  CHECK ((status = 'settled') = (settled_by IS NOT NULL)),
  CHECK (num_nulls(note, settled_by, settled_at) IN (0, 3)),
  CHECK ((amount IS NULL) = (currency IS NULL))
);
CREATE INDEX restore_findings_unclaimed ON strongroom.restore_findings (order_id)
  WHERE claimed_by IS NULL AND kind IN ('refund', 'payout', 'release') AND status IN ('adopted', 'awaiting');

-- Which history this is; where PostgreSQL does not tell (some that are managed), always the same
-- one: then a restore is known by `strongroom restore begin` alone. Asked as the owner, whoever
-- wants to know: what is accepted at the end must be what is compared from then on.
CREATE FUNCTION strongroom.database_history(OUT system_identifier text, OUT timeline bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SELECT c.system_identifier::text INTO system_identifier FROM pg_control_system() AS c;
  IF pg_is_in_recovery() THEN
    SELECT c.timeline_id INTO timeline FROM pg_control_checkpoint() AS c;
  ELSE
    timeline := ('x' || lpad(left(pg_walfile_name(pg_current_wal_lsn()), 8), 16, '0'))::bit(64)::bigint;
  END IF;
EXCEPTION
  WHEN insufficient_privilege OR feature_not_supported OR undefined_function THEN
    system_identifier := 'not told';
    timeline := 0;
END $$;

-- Why nothing may be sent now: the id of a restore that goes on, or the history that nobody has
-- accepted. Null: nothing speaks against it.
CREATE FUNCTION strongroom.standing_still() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, strongroom, pg_temp AS $$
DECLARE
  going_on text;
  now_in record;
BEGIN
  SELECT id INTO going_on FROM strongroom.restores WHERE status <> 'finished';
  IF going_on IS NOT NULL THEN
    RETURN going_on;
  END IF;
  SELECT * INTO now_in FROM strongroom.database_history();
  IF EXISTS (SELECT FROM strongroom.database_histories AS known
              WHERE known.system_identifier = now_in.system_identifier
                AND known.timeline = now_in.timeline) THEN
    RETURN NULL;
  END IF;
  RETURN format('timeline %s of %s', now_in.timeline, now_in.system_identifier);
END $$;

INSERT INTO strongroom.database_histories (system_identifier, timeline, accepted_at)
SELECT system_identifier, timeline, statement_timestamp() FROM strongroom.database_history();

-- What is asked before each step is kept here too: while it stands still, nothing is begun that
-- sends money or has it sent.
CREATE FUNCTION strongroom.refuse_standing_still() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  why text := strongroom.standing_still();
BEGIN
  IF why IS NOT NULL THEN
    RAISE EXCEPTION 'nothing is sent: this database was restored (%)', why
      USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER provider_calls_stand_still
  BEFORE INSERT ON strongroom.provider_calls FOR EACH ROW
  EXECUTE FUNCTION strongroom.refuse_standing_still();
CREATE TRIGGER seller_payout_attempts_stand_still
  BEFORE INSERT ON strongroom.seller_payout_attempts FOR EACH ROW
  WHEN (NEW.provider_ref IS NULL)                -- else it is one that the provider has
  EXECUTE FUNCTION strongroom.refuse_standing_still();
CREATE TRIGGER chain_intents_stand_still
  BEFORE UPDATE OF broadcast_at ON strongroom.chain_intents FOR EACH ROW
  WHEN (OLD.broadcast_at IS NULL AND NEW.broadcast_at IS NOT NULL)
  EXECUTE FUNCTION strongroom.refuse_standing_still();
CREATE TRIGGER releases_stand_still
  BEFORE INSERT OR UPDATE OF status ON strongroom.releases FOR EACH ROW
  WHEN (NEW.status = 'posted' AND NEW.escrow_id IS NULL)
  EXECUTE FUNCTION strongroom.refuse_standing_still();

CREATE TRIGGER restores_fixed
  BEFORE UPDATE OF id, reason, restored_to, system_identifier, timeline, begun_by, begun_at
    OR DELETE OR TRUNCATE
  ON strongroom.restores FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
CREATE TRIGGER restore_findings_fixed
  BEFORE UPDATE OF id, restore_id, kind, provider, provider_ref, found_at OR DELETE OR TRUNCATE
  ON strongroom.restore_findings FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
CREATE TRIGGER database_histories_fixed
  BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.database_histories FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

REVOKE ALL ON FUNCTION strongroom.database_history(), strongroom.standing_still(),
  strongroom.refuse_standing_still() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION strongroom.standing_still()
   TO strongroom_app, strongroom_api, strongroom_worker, strongroom_relay, strongroom_signer,
      strongroom_auditor;
GRANT EXECUTE ON FUNCTION strongroom.database_history() TO strongroom_app, strongroom_api;

-- Web begins a restore, asks for a look, settles and finishes; a worker looks, and writes down what
-- it finds: also payments that were forgotten. Payouts and refunds claim what was forgotten.
CREATE FUNCTION strongroom.leap_live_events(leap bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE strongroom.live_cursor SET last_position = last_position + leap WHERE leap > 0;
$$;
REVOKE ALL ON FUNCTION strongroom.leap_live_events(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION strongroom.leap_live_events(bigint)
   TO strongroom_app, strongroom_api;
GRANT EXECUTE ON FUNCTION strongroom.database_history() TO strongroom_worker;
GRANT SELECT, INSERT,
   UPDATE (status, reconciled_at, figures, look_status, look_step, look_error, look_at,
     finish_requested_by, finish_requested_at, finished_by, finished_at)
   ON strongroom.restores TO strongroom_app;
GRANT SELECT, INSERT,
   UPDATE (status, look_status, look_step, look_error, look_at, finish_requested_by,
     finish_requested_at, finished_by, finished_at)
   ON strongroom.restores TO strongroom_api;
GRANT SELECT, UPDATE (reconciled_at, figures, look_status, look_step, look_error, look_at)
   ON strongroom.restores TO strongroom_worker;
GRANT SELECT, INSERT,
   UPDATE (status, order_id, payment_id, detail, claimed_by, note, settled_by, settled_at)
   ON strongroom.restore_findings TO strongroom_app;
GRANT SELECT, INSERT, UPDATE (status, claimed_by, note, settled_by, settled_at)
   ON strongroom.restore_findings TO strongroom_api;
GRANT SELECT, INSERT, UPDATE (status, order_id, payment_id, detail, claimed_by)
   ON strongroom.restore_findings TO strongroom_worker;
GRANT INSERT ON strongroom.payments TO strongroom_worker;
GRANT SELECT, INSERT ON strongroom.database_histories TO strongroom_app, strongroom_api;
GRANT SELECT ON strongroom.restores, strongroom.restore_findings, strongroom.database_histories
   TO strongroom_auditor;
