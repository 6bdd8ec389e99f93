-- Journal entries that people ask for: requested, approved by somebody else, then posted.
CREATE TABLE strongroom.manual_entries (
  id text PRIMARY KEY,                               -- jrn_…
  kind text NOT NULL CHECK (kind IN ('manual', 'reversal', 'auto_reversal')),
  reverses text REFERENCES strongroom.manual_entries,-- the manual entry an automatic reversal undoes
  reverses_entry_id bigint REFERENCES ledger.entries,-- the journal entry a reversal undoes
  occurred_at timestamptz NOT NULL,                  -- the effective moment
  reason text NOT NULL CHECK (reason <> ''),
  attachment_sha256 bytea CHECK (octet_length(attachment_sha256) = 32),
  auto_reverse_on date,                              -- the day on which it is undone by itself, UTC
  status text NOT NULL CHECK (status IN ('requested', 'posted', 'rejected', 'refused')),
  requested_by text NOT NULL,
  decided_by text,
  decided_at timestamptz,
  refusal text,                                      -- why the ledger refused it
  entry_id bigint UNIQUE REFERENCES ledger.entries,
  reversed_by_entry_id bigint UNIQUE REFERENCES ledger.entries,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK ((kind = 'manual') = (reverses_entry_id IS NULL)),
  CHECK ((status = 'posted') = (entry_id IS NOT NULL)),
  CHECK ((status = 'requested') = (decided_by IS NULL)),
  CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
  -- Four eyes; what was approved once reverses itself on its day without a third person.
  CHECK (kind = 'auto_reversal' OR decided_by <> requested_by)
);
CREATE INDEX manual_entries_due ON strongroom.manual_entries (auto_reverse_on)
  WHERE auto_reverse_on IS NOT NULL AND reversed_by_entry_id IS NULL AND status = 'posted';
CREATE UNIQUE INDEX manual_entries_one_reversal ON strongroom.manual_entries (reverses_entry_id)
  WHERE status IN ('requested', 'posted');

CREATE TABLE strongroom.manual_entry_lines (
  entry_id text NOT NULL REFERENCES strongroom.manual_entries,
  line int NOT NULL CHECK (line >= 1),
  account text NOT NULL,
  asset text NOT NULL,
  amount numeric NOT NULL CHECK (amount = trunc(amount) AND amount <> 0),  -- debit positive
  PRIMARY KEY (entry_id, line)
);
CREATE TRIGGER manual_entry_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.manual_entry_lines FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
CREATE TRIGGER manual_entries_fixed
  BEFORE UPDATE OF id, kind, reverses, reverses_entry_id, occurred_at, reason, attachment_sha256,
    auto_reverse_on, requested_by, created_at OR DELETE OR TRUNCATE
  ON strongroom.manual_entries FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
-- A decision is for good, and so is a reversal.
CREATE TRIGGER manual_entries_onwards BEFORE UPDATE ON strongroom.manual_entries FOR EACH ROW
  WHEN (OLD.status <> 'requested'
        AND (NEW.status, NEW.decided_by, NEW.decided_at, NEW.refusal, NEW.entry_id) IS DISTINCT FROM
            (OLD.status, OLD.decided_by, OLD.decided_at, OLD.refusal, OLD.entry_id)
        OR OLD.reversed_by_entry_id IS NOT NULL
        AND NEW.reversed_by_entry_id IS DISTINCT FROM OLD.reversed_by_entry_id)
  EXECUTE FUNCTION strongroom.refuse();

GRANT SELECT, INSERT ON strongroom.manual_entries TO strongroom_app;
GRANT UPDATE (status, decided_by, decided_at, refusal, entry_id, reversed_by_entry_id, updated_at)
  ON strongroom.manual_entries TO strongroom_app;
GRANT SELECT, INSERT ON strongroom.manual_entry_lines TO strongroom_app;
