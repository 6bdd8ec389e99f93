-- The audit log: who did what to what, when, from where and why. Entries are written in the
-- transaction of the change they are about, and sealed into a hash chain after the fact, so that
-- no writer waits for another.
--
-- The text of an entry is a JSON array (see audit_text). Its digest is the SHA-256 of that text.
-- block_hash is the SHA-256 of the digests of a seal's entries, put together in their order;
-- chain_hash is the SHA-256 of the chain_hash before (32 zero bytes at first) and block_hash.
CREATE SEQUENCE strongroom.audit_numbers;
CREATE TABLE strongroom.audit_entries (
  number bigint PRIMARY KEY,                     -- grows; one that is missing was rolled back
  id text COLLATE "C" NOT NULL UNIQUE,           -- aud_…
  at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  actor text COLLATE "C" NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
  person text COLLATE "C" NOT NULL CHECK (length(person) BETWEEN 1 AND 200),
  role text NOT NULL,
  action text COLLATE "C" NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
  outcome text NOT NULL CHECK (outcome IN ('done', 'replayed', 'seen', 'refused', 'failed')),
  status int CHECK (status BETWEEN 100 AND 599), -- of the answer, when it was known
  code text,                                     -- of the problem that was answered
  subjects text[] COLLATE "C" NOT NULL,          -- ids in the path, and of the rows that changed
  changes jsonb NOT NULL,                        -- [[table, id, hash before, hash after], …]
  ip text,
  request_id text,
  reason_encrypted bytea,                        -- {"reason": …, "salt": …}
  reason_digest bytea CHECK (octet_length(reason_digest) = 32),  -- SHA-256 of salt and reason
  CHECK (reason_encrypted IS NULL OR reason_digest IS NOT NULL)
);
CREATE INDEX audit_entries_actor ON strongroom.audit_entries (actor, number);
CREATE INDEX audit_entries_person ON strongroom.audit_entries (person, number);
CREATE INDEX audit_entries_action ON strongroom.audit_entries (action, number);
CREATE INDEX audit_entries_subjects ON strongroom.audit_entries USING gin (subjects);
CREATE INDEX audit_entries_at ON strongroom.audit_entries USING brin (at);

-- The writer chooses neither number nor time of recording. The transaction's id is taken before
-- the number: audit_advance() relies on it.
CREATE FUNCTION strongroom.number_audit_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = strongroom, pg_temp AS $$
BEGIN
  PERFORM pg_current_xact_id();
  NEW.number := nextval('audit_numbers');
  NEW.recorded_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER audit_entries_number BEFORE INSERT ON strongroom.audit_entries
  FOR EACH ROW EXECUTE FUNCTION strongroom.number_audit_entry();

-- A reason may be encrypted anew; its digest shows that it stayed the same.
CREATE TRIGGER audit_entries_fixed
  BEFORE UPDATE OF number, id, at, recorded_at, actor, person, role, action, outcome, status, code,
                   subjects, changes, ip, request_id, reason_digest
    OR DELETE OR TRUNCATE
  ON strongroom.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
CREATE TRIGGER audit_entries_reason BEFORE UPDATE OF reason_encrypted ON strongroom.audit_entries
  FOR EACH ROW WHEN ((NEW.reason_encrypted IS NULL) <> (OLD.reason_encrypted IS NULL))
  EXECUTE FUNCTION strongroom.refuse();

CREATE TABLE strongroom.audit_seals (
  number bigint PRIMARY KEY CHECK (number > 0),
  from_entry bigint NOT NULL,                    -- after this …
  upto_entry bigint NOT NULL UNIQUE,             -- … up to and with this
  entry_numbers bigint[] NOT NULL CHECK (cardinality(entry_numbers) > 0),
  digests bytea NOT NULL CHECK (octet_length(digests) = 32 * cardinality(entry_numbers)),
  block_hash bytea NOT NULL CHECK (octet_length(block_hash) = 32),
  chain_hash bytea NOT NULL CHECK (octet_length(chain_hash) = 32),
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (from_entry < upto_entry)
);
CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.audit_seals FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- Every number up to `settled_to` is committed or gone for good.
CREATE TABLE strongroom.audit_watermark (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  settled_to bigint NOT NULL DEFAULT 0,
  candidate bigint NOT NULL DEFAULT 0,
  candidate_xid xid8 NOT NULL DEFAULT '0'
);
INSERT INTO strongroom.audit_watermark DEFAULT VALUES;

CREATE FUNCTION strongroom.audit_text(e strongroom.audit_entries) RETURNS text
LANGUAGE sql STABLE SET search_path = strongroom, ledger, pg_temp
RETURN jsonb_build_array(
  e.number, e.id, ledger.microseconds(e.at), ledger.microseconds(e.recorded_at), e.actor, e.person,
  e.role, e.action, e.outcome, e.status, e.code, to_jsonb(e.subjects), e.changes, e.ip,
  e.request_id, encode(e.reason_digest, 'hex'))::text;

-- As ledger.advance_watermark(): the sequence is read first, our own transaction id taken second,
-- so what we read is settled once every transaction older than ours has ended. A later call sees.
CREATE FUNCTION strongroom.audit_advance() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = strongroom, pg_temp AS $$
DECLARE
  last_number bigint;
  mark audit_watermark;
BEGIN
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'advance the watermark in a transaction that has not written yet';
  END IF;
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO last_number FROM audit_numbers;
  PERFORM pg_current_xact_id();
  SELECT * INTO mark FROM audit_watermark FOR UPDATE;
  IF mark.candidate_xid <= pg_snapshot_xmin(pg_current_snapshot()) THEN
    mark.settled_to := greatest(mark.settled_to, mark.candidate);
  END IF;
  UPDATE audit_watermark SET settled_to = mark.settled_to, candidate = last_number,
                             candidate_xid = pg_current_xact_id();
  RETURN mark.settled_to;
END $$;

-- Seals the next block of at most `p_most` settled entries; returns how many it sealed.
CREATE FUNCTION strongroom.audit_seal_next(p_most int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = strongroom, pg_temp AS $$
DECLARE
  before audit_seals;
  numbers bigint[];
  digest bytea;
BEGIN
  LOCK TABLE audit_seals IN SHARE ROW EXCLUSIVE MODE;  -- one sealer at a time
  SELECT * INTO before FROM audit_seals ORDER BY number DESC LIMIT 1;
  SELECT array_agg(next.number ORDER BY next.number),
         string_agg(sha256(convert_to(next.text, 'UTF8')), ''::bytea ORDER BY next.number)
    INTO numbers, digest
    FROM (SELECT e.number, audit_text(e) AS text FROM audit_entries e
           WHERE e.number > coalesce(before.upto_entry, 0)
             AND e.number <= (SELECT settled_to FROM audit_watermark)
           ORDER BY e.number LIMIT p_most) next;
  IF numbers IS NULL THEN RETURN 0; END IF;
  INSERT INTO audit_seals
         (number, from_entry, upto_entry, entry_numbers, digests, block_hash, chain_hash)
  VALUES (coalesce(before.number, 0) + 1, coalesce(before.upto_entry, 0),
          numbers[cardinality(numbers)], numbers, digest, sha256(digest),
          sha256(coalesce(before.chain_hash, decode(repeat('00', 32), 'hex')) || sha256(digest)));
  RETURN cardinality(numbers);
END $$;

REVOKE ALL ON FUNCTION strongroom.number_audit_entry, strongroom.audit_text,
  strongroom.audit_advance, strongroom.audit_seal_next FROM PUBLIC;
GRANT SELECT, UPDATE (reason_encrypted) ON strongroom.audit_entries TO strongroom_app;
GRANT INSERT (id, at, actor, person, role, action, outcome, status, code, subjects, changes, ip,
              request_id, reason_encrypted, reason_digest) ON strongroom.audit_entries
  TO strongroom_app;
GRANT SELECT ON strongroom.audit_seals, strongroom.audit_watermark TO strongroom_app;
GRANT EXECUTE ON FUNCTION strongroom.audit_text, strongroom.audit_advance,
  strongroom.audit_seal_next TO strongroom_app;
