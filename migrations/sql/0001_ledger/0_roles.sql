-- The application's rights belong to one group role. Web, worker and relay log in as members of
-- it and take it on with SET ROLE; migrations run as the owner of the schemas.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
    CREATE ROLE strongroom_app NOLOGIN;
  END IF;
EXCEPTION
  -- Another database of the same cluster is being migrated at this moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

-- From PostgreSQL 16 on, making a role does not include the right to SET ROLE to it.
DO $$ BEGIN EXECUTE format('GRANT strongroom_app TO %I', current_user); END $$;

CREATE SCHEMA ledger;
