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
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  name text := format('guard_%s_%s', guarded, ciphertexts);
BEGIN
  EXECUTE format($function$
    CREATE FUNCTION strongroom.%1$I() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
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
