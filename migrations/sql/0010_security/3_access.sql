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

-- Whose tokens of before a moment count no more: a token says for minutes what may be wrong by
-- now, such as the role of somebody who was let go. One row a person.
CREATE TABLE strongroom.ended_access (
  principal text COLLATE "C" PRIMARY KEY CHECK (length(principal) BETWEEN 1 AND 200),
  ended_at timestamptz NOT NULL,
  ended_by text NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON strongroom.ended_access TO strongroom_app;

-- Who asked to lift a freeze stays the one who asked: else the second of the two could be both.
CREATE FUNCTION strongroom.keep_who_asked_to_lift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'who asked to lift freeze % stays as it is', OLD.id USING ERRCODE = '23514';
END $$;
CREATE TRIGGER freezes_asked BEFORE UPDATE OF lift_reason, lift_requested_by, lift_requested_at
  ON strongroom.freezes FOR EACH ROW
  WHEN (OLD.lift_requested_by IS NOT NULL AND
        (NEW.lift_reason, NEW.lift_requested_by, NEW.lift_requested_at) IS DISTINCT FROM
        (OLD.lift_reason, OLD.lift_requested_by, OLD.lift_requested_at))
  EXECUTE FUNCTION strongroom.keep_who_asked_to_lift();
CREATE TRIGGER freezes_lifted BEFORE UPDATE OF lifted_by, lifted_at, lifted_after
  ON strongroom.freezes FOR EACH ROW
  WHEN (OLD.lifted_at IS NOT NULL)
  EXECUTE FUNCTION strongroom.refuse();

-- What a seller was released in a year decides which KYC level the next release needs.
CREATE INDEX releases_seller ON strongroom.releases (seller_id, currency, created_at);
