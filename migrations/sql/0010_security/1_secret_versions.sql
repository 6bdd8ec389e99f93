-- Versions of the secrets that can be rotated while everything runs. Values from the environment
-- are noted without their value, so that their age is known and they can be ended.
CREATE TABLE strongroom.secret_versions (
  id text PRIMARY KEY,                               -- sec_…
  kind text NOT NULL CHECK (kind IN ('stripe_webhook', 'gocardless_webhook', 'jwt_key',
                                     'session_key', 'api_key_pepper', 'link_key')),
  origin text NOT NULL CHECK (origin IN ('stored', 'environment')),
  value_encrypted bytea,                             -- forgotten some time after the end
  fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),   -- slow to compute
  starts_at timestamptz NOT NULL,
  ends_at timestamptz,
  revoked_at timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  last_matched_at timestamptz,                       -- of webhooks: noted once a minute at most
  UNIQUE (kind, fingerprint),
  CHECK (origin = 'stored' OR value_encrypted IS NULL),
  CHECK (value_encrypted IS NOT NULL OR origin = 'environment' OR ends_at IS NOT NULL
         OR revoked_at IS NOT NULL)
);
CREATE TRIGGER secret_versions_fixed
  BEFORE UPDATE OF id, kind, origin, fingerprint, starts_at, created_by, created_at
  OR DELETE OR TRUNCATE
  ON strongroom.secret_versions FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();
-- What has been revoked stays so.
CREATE TRIGGER secret_versions_revoked BEFORE UPDATE ON strongroom.secret_versions FOR EACH ROW
  WHEN (OLD.revoked_at IS NOT NULL AND OLD.revoked_at IS DISTINCT FROM NEW.revoked_at)
  EXECUTE FUNCTION strongroom.refuse();

-- Which pepper a key is hashed with; null: the environment's, before anything was noted.
ALTER TABLE strongroom.api_keys ADD pepper_version text REFERENCES strongroom.secret_versions;
CREATE INDEX api_keys_by_pepper ON strongroom.api_keys (pepper_version) WHERE revoked_at IS NULL;
-- Sessions are found by a keyed hash from now on; those begun before sign in again.
UPDATE strongroom.sessions SET revoked_at = now() WHERE revoked_at IS NULL;

-- How many webhooks were refused, and why: counted, nothing else of them is kept.
CREATE TABLE strongroom.webhook_refusals (
  provider text NOT NULL,
  reason text NOT NULL CHECK (reason IN ('wrong_secret', 'too_old', 'in_future', 'malformed',
                                         'other_mode', 'other_account')),
  hour timestamptz NOT NULL CHECK (date_trunc('hour', hour AT TIME ZONE 'UTC')
                                   = hour AT TIME ZONE 'UTC'),
  count bigint NOT NULL CHECK (count > 0),
  PRIMARY KEY (provider, reason, hour)
);

GRANT SELECT, INSERT ON strongroom.secret_versions TO strongroom_app;
GRANT UPDATE (value_encrypted, ends_at, revoked_at, last_matched_at)
  ON strongroom.secret_versions TO strongroom_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON strongroom.webhook_refusals TO strongroom_app;
