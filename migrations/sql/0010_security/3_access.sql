-- The person behind a key and who made it: acts of two people compare people, not keys. A key of
-- before is a person of its own, as it was until now.
ALTER TABLE strongroom.api_keys
  ADD COLUMN owner text CHECK (length(owner) BETWEEN 1 AND 200),
  ADD COLUMN created_by text CHECK (length(created_by) BETWEEN 1 AND 200);
UPDATE strongroom.api_keys SET owner = principal, created_by = principal;
ALTER TABLE strongroom.api_keys
  ALTER COLUMN owner SET NOT NULL,
  ALTER COLUMN created_by SET NOT NULL;

-- When and how the person of a session proved who they are, from the token it was started with.
ALTER TABLE strongroom.sessions
  ADD COLUMN authenticated_at timestamptz,
  ADD COLUMN factors text[] NOT NULL DEFAULT '{}';
