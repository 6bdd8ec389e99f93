-- ---- data keys -------------------------------------------------------------------------------
-- Fields are encrypted with data keys, which lie here wrapped (encrypted) by the operator's
-- ENCRYPTION_KEYSET. The newest key of a kind is the one new data is encrypted with. A key is
-- closed when nothing uses it any more, and retired (destroyed) once nobody can have written
-- with it meanwhile. `closed_horizon` is the first transaction that came after it was closed.
CREATE TABLE strongroom.data_keys (
  key_id bigint PRIMARY KEY CHECK (key_id BETWEEN 1 AND 4294967295),   -- as ciphertexts name it
  prefix bytea NOT NULL UNIQUE
    GENERATED ALWAYS AS ('\x01'::bytea || substring(int8send(key_id) FROM 5)) STORED,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('fields', 'references')),
  version int NOT NULL CHECK (version >= 1),
  wrapped bytea,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  closed_at timestamptz,
  closed_horizon xid8,
  retired_at timestamptz,
  UNIQUE (kind, version),
  CHECK ((wrapped IS NULL) = (retired_at IS NOT NULL)),
  CHECK (retired_at IS NULL OR closed_horizon IS NOT NULL),
  CHECK (closed_horizon IS NULL OR closed_at IS NOT NULL)
);
GRANT SELECT, INSERT ON strongroom.data_keys TO strongroom_app;
GRANT UPDATE (wrapped, closed_at, closed_horizon, retired_at) ON strongroom.data_keys
  TO strongroom_app;

-- Refuses what is encrypted with a closed key, on any column: a process that slept for days over
-- a rotation cannot bring back what needs a destroyed key. Made for each column by `guard`.
CREATE FUNCTION strongroom.guard_ciphertexts(guarded text, ciphertexts text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text := format('guard_%s_%s', guarded, ciphertexts);
BEGIN
  EXECUTE format($function$
    CREATE FUNCTION strongroom.%1$I() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    BEGIN
      IF TG_LEVEL = 'ROW' THEN
        PERFORM FROM strongroom.data_keys k
          WHERE k.closed_at IS NOT NULL AND k.prefix = substr(NEW.%2$I, 1, 5);
      ELSE
        PERFORM FROM strongroom.data_keys k
          WHERE k.closed_at IS NOT NULL
            AND EXISTS (SELECT FROM added a WHERE substr(a.%2$I, 1, 5) = k.prefix);
      END IF;
      IF FOUND THEN
        RAISE EXCEPTION 'the key of %2$s was replaced long ago: try again' USING ERRCODE = '40001';
      END IF;
      RETURN NULL;
    END $body$
  $function$, name, ciphertexts);
  EXECUTE format('REVOKE ALL ON FUNCTION strongroom.%I() FROM PUBLIC', name);
  EXECUTE format('CREATE TRIGGER %1$I AFTER INSERT ON strongroom.%2$I REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION strongroom.%3$I()', name || '_insert', guarded, name);
  EXECUTE format('CREATE TRIGGER %1$I AFTER UPDATE OF %3$I ON strongroom.%2$I FOR EACH ROW
    WHEN (NEW.%3$I IS DISTINCT FROM OLD.%3$I) EXECUTE FUNCTION strongroom.%4$I()',
    name || '_update', guarded, ciphertexts, name);
END $$;
REVOKE ALL ON FUNCTION strongroom.guard_ciphertexts FROM PUBLIC;

-- A walk over everything that is encrypted, after a new key: batch by batch, each with its figures.
CREATE TABLE strongroom.encryption_runs (
  id text COLLATE "C" PRIMARY KEY,               -- enc_…
  status text NOT NULL CHECK (status IN ('running', 'done')),
  key_version int NOT NULL CHECK (key_version >= 1),
  fields bigint CHECK (fields >= 0),             -- how many were to be encrypted anew
  encrypted bigint NOT NULL DEFAULT 0 CHECK (encrypted >= 0),
  unreadable bigint NOT NULL DEFAULT 0 CHECK (unreadable >= 0),
  position jsonb,                                -- how far the walk has come
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  finished_at timestamptz,
  CHECK ((status = 'done') = (finished_at IS NOT NULL))
);
CREATE INDEX encryption_runs_open ON strongroom.encryption_runs (id) WHERE status = 'running';
GRANT SELECT, INSERT ON strongroom.encryption_runs TO strongroom_app;
GRANT UPDATE (status, fields, encrypted, unreadable, position, updated_at, finished_at)
  ON strongroom.encryption_runs TO strongroom_app;

-- ---- blind index and erasure -----------------------------------------------------------------
-- `email_index` is a keyed hash, with the key's prefix. Of an erased party nothing personal is left.
ALTER TABLE strongroom.parties
  ADD email_index bytea CHECK (octet_length(email_index) = 37),
  ADD erased_at timestamptz,
  ALTER name_encrypted DROP NOT NULL,
  ADD CONSTRAINT parties_erased CHECK (CASE WHEN erased_at IS NULL THEN name_encrypted IS NOT NULL
    ELSE num_nonnulls(name_encrypted, email_encrypted, address_encrypted, tax_id_encrypted,
                      email_index, country) = 0 END);
CREATE INDEX parties_email ON strongroom.parties (email_index) WHERE email_index IS NOT NULL;
ALTER TABLE strongroom.payout_destinations
  ALTER destination_encrypted DROP NOT NULL;     -- NULL: its party was erased
DROP TRIGGER payout_destinations_fixed ON strongroom.payout_destinations;
CREATE TRIGGER payout_destinations_fixed
  BEFORE UPDATE OF id, party_id, kind, chain, currency, proposed_by, created_at
    OR DELETE OR TRUNCATE
  ON strongroom.payout_destinations FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
CREATE TRIGGER payout_destinations_hint
  BEFORE UPDATE OF hint ON strongroom.payout_destinations FOR EACH ROW
  WHEN (NEW.hint <> OLD.hint AND NEW.destination_encrypted IS NOT NULL)
  EXECUTE FUNCTION strongroom.refuse();

-- Who was erased, when, at whose wish and why; written with the erasure.
CREATE TABLE strongroom.erasures (
  id text COLLATE "C" PRIMARY KEY,               -- ers_…
  party_id text NOT NULL UNIQUE REFERENCES strongroom.parties,
  reason text NOT NULL CHECK (reason <> ''),
  erased_by text NOT NULL,
  erased_at timestamptz NOT NULL
);
CREATE TRIGGER erasures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.erasures FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
GRANT SELECT, INSERT ON strongroom.erasures TO strongroom_app;

-- ---- retention -------------------------------------------------------------------------------
-- NULL: kept long enough. What the row says of the event, the document or the file stays.
ALTER TABLE strongroom.webhook_inbox ALTER payload_encrypted DROP NOT NULL,
  ADD CHECK (payload_encrypted IS NOT NULL OR state <> 'new');
CREATE INDEX webhook_inbox_kept ON strongroom.webhook_inbox (received_at)
  WHERE payload_encrypted IS NOT NULL;
ALTER TABLE strongroom.invoices ALTER content_encrypted DROP NOT NULL;
ALTER TABLE strongroom.invoice_files ALTER content_encrypted DROP NOT NULL;
ALTER TABLE strongroom.statement_files ALTER content_encrypted DROP NOT NULL;
ALTER TABLE strongroom.statement_lines ALTER details_encrypted DROP NOT NULL;
