-- The application's rights belong to one group role. Web, worker and relay log in as members of
-- it and take it on with SET ROLE; migrations run as the owner of the schemas.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
    CREATE ROLE strongroom_app NOLOGIN;
  END IF;
  IF NOT pg_has_role(current_user, 'strongroom_app', 'MEMBER') THEN
    EXECUTE format('GRANT strongroom_app TO %I', current_user);
  END IF;
EXCEPTION
  -- Another database of the same cluster is being migrated at this moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

CREATE SCHEMA ledger;
