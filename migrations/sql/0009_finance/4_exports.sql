-- Reports made by a job, to be fetched later. The content is kept here, in pieces, until it
-- expires: any web process can serve what any worker made.
CREATE TABLE strongroom.exports (
  id text PRIMARY KEY,                               -- exp_…
  report text NOT NULL,
  format text NOT NULL,
  parameters jsonb NOT NULL,                         -- filters, with `as_of` fixed when it was asked for
  status text NOT NULL CHECK (status IN ('waiting', 'running', 'ready', 'failed', 'expired')),
  row_count bigint NOT NULL DEFAULT 0 CHECK (row_count >= 0),   -- progress, then the whole
  rows_expected bigint CHECK (rows_expected >= 0),
  attempt int NOT NULL DEFAULT 0,                    -- pieces of older attempts are not served
  manifest jsonb,
  failure text,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CHECK ((status = 'ready') <= (manifest IS NOT NULL))
);
CREATE INDEX exports_expiring ON strongroom.exports (expires_at) WHERE status <> 'expired';
CREATE TRIGGER exports_fixed
  BEFORE UPDATE OF id, report, format, parameters, requested_by, created_at OR DELETE OR TRUNCATE
  ON strongroom.exports FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
-- What an export came to is for good; all that still happens is that it expires.
CREATE TRIGGER exports_onwards BEFORE UPDATE ON strongroom.exports FOR EACH ROW
  WHEN (OLD.status NOT IN ('waiting', 'running') AND (
        NEW.status NOT IN (OLD.status, 'expired')
        OR (NEW.row_count, NEW.rows_expected, NEW.attempt, NEW.manifest, NEW.failure)
           IS DISTINCT FROM
           (OLD.row_count, OLD.rows_expected, OLD.attempt, OLD.manifest, OLD.failure)))
  EXECUTE FUNCTION strongroom.refuse();
CREATE TABLE strongroom.export_pieces (
  export_id text NOT NULL REFERENCES strongroom.exports,
  attempt int NOT NULL,
  number int NOT NULL CHECK (number >= 1),
  content bytea NOT NULL,                            -- compressed
  PRIMARY KEY (export_id, attempt, number)
);
ALTER TABLE strongroom.export_pieces ALTER content SET STORAGE EXTERNAL;

-- Which account of an accounting package stands for which of ours.
CREATE TABLE strongroom.account_mappings (
  package text NOT NULL CHECK (package IN ('xero', 'quickbooks')),
  control text COLLATE "C" NOT NULL,                 -- a control account or one account of ours
  code text NOT NULL CHECK (code <> ''),             -- the package's account code or name
  tax_code text,
  updated_by text NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (package, control)
);

GRANT SELECT, INSERT ON strongroom.exports TO strongroom_app;
GRANT UPDATE (status, row_count, rows_expected, attempt, manifest, failure, updated_at, expires_at)
  ON strongroom.exports TO strongroom_app;
GRANT SELECT, INSERT, DELETE ON strongroom.export_pieces TO strongroom_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON strongroom.account_mappings TO strongroom_app;
