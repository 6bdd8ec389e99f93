-- Each process works as a role of its own, with the rights its work needs and no more: whoever
-- takes over a web process cannot make the books of a month final, and the relay sees no money at
-- all. `strongroom_app` stays what commands work as, and a member of the roles of web, worker and
-- relay, so logins that were granted it go on. The auditor reads everything but secrets.
-- The rights of each role as they are now: tests/security/database_rights.txt.

DO $$
DECLARE role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['strongroom_api', 'strongroom_worker', 'strongroom_relay',
                              'strongroom_auditor'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      EXCEPTION
        -- Another database of the same cluster is being migrated at this moment.
        WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    CONTINUE WHEN role = 'strongroom_auditor';
    BEGIN
      -- Where somebody else made the roles, the grants are theirs to make, too.
      IF NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = role::regrole
                        AND member = 'strongroom_app'::regrole) THEN
        EXECUTE format('GRANT %I TO strongroom_app', role);
      END IF;
    EXCEPTION
      WHEN duplicate_object OR unique_violation OR object_not_in_prerequisite_state
        OR internal_error THEN
        IF NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = role::regrole
                          AND member = 'strongroom_app'::regrole) THEN
          RAISE;
        END IF;
    END;
  END LOOP;
END $$;

DO $$ BEGIN EXECUTE format('GRANT strongroom_auditor TO %I', current_user); END $$;

-- PUBLIC has nothing: not even a temporary table, whose name could stand before another's.
DO $$
BEGIN
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;
REVOKE ALL ON ALL TABLES IN SCHEMA strongroom, ledger FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA strongroom, ledger FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA strongroom, ledger FROM PUBLIC;
REVOKE ALL ON SCHEMA strongroom, ledger FROM PUBLIC;

GRANT USAGE ON SCHEMA strongroom, ledger
  TO strongroom_api, strongroom_worker, strongroom_relay, strongroom_auditor;
REVOKE USAGE ON SCHEMA ledger FROM strongroom_relay;
GRANT SELECT ON alembic_version
  TO strongroom_app, strongroom_api, strongroom_worker, strongroom_relay, strongroom_auditor;

-- Every table, with what web, worker and relay may do with it. A test fails for a table that is
-- missing. UPDATE of columns: what alone changes in a row.
DO $$
DECLARE row record; readable text;
BEGIN
  FOR row IN SELECT * FROM (VALUES
    -- who calls
    ('api_keys', 'SELECT, INSERT, UPDATE (secret_hash, pepper_version, expires_at, revoked_at,
      last_used_at)', 'SELECT', ''),
    ('sessions', 'SELECT, INSERT, UPDATE (revoked_at)', 'SELECT, DELETE', ''),
    ('ended_access', 'SELECT, INSERT, UPDATE', '', ''),
    ('idempotency_keys', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('secret_versions', 'SELECT, INSERT, UPDATE (value_encrypted, ends_at, revoked_at,
      last_matched_at)', 'SELECT', ''),
    ('data_keys', 'SELECT, INSERT',  -- whoever takes over web destroys no key
      'SELECT, INSERT, UPDATE (wrapped, closed_at, closed_horizon, retired_at)', ''),
    ('encryption_runs', 'SELECT, INSERT', 'SELECT, UPDATE (status, fields, encrypted, unreadable,
      position, updated_at, finished_at)', ''),
    -- the audit log: written by whoever does something, sealed by a worker
    ('audit_entries', 'SELECT, INSERT (id, at, actor, person, role, action, outcome, status, code,
      subjects, changes, ip, request_id, reason_encrypted, reason_digest)',
      'SELECT, INSERT (id, at, actor, person, role, action, outcome, status, code, subjects,
      changes, ip, request_id, reason_encrypted, reason_digest)', ''),
    ('audit_seals', 'SELECT', 'SELECT', ''),
    ('audit_watermark', 'SELECT', 'SELECT', ''),
    -- people and what they buy
    ('erasures', 'SELECT, INSERT', '', ''),
    ('parties', 'SELECT, INSERT, UPDATE', 'SELECT', ''),
    ('orders', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE', ''),
    ('order_lines', 'SELECT, INSERT', 'SELECT', ''),
    -- payments and what goes back of them
    ('payments', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE', ''),
    ('payment_events', 'SELECT, INSERT', 'SELECT, INSERT', ''),
    ('provider_calls', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('refunds', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('disputes', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('bank_receipts', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('deadline_extensions', 'SELECT, INSERT', 'SELECT', ''),
    -- webhooks in, jobs, and what browsers hear of
    ('webhook_inbox', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', 'SELECT'),
    ('webhook_refusals', 'SELECT, INSERT, UPDATE', 'SELECT, DELETE', ''),
    ('webhook_retry_windows', 'SELECT, INSERT, UPDATE', 'SELECT', ''),
    ('webhook_replays', 'SELECT, INSERT', 'SELECT, INSERT, UPDATE', ''),
    ('outbox', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT, INSERT, UPDATE'),
    ('periodic_jobs', '', '', 'SELECT, INSERT, UPDATE'),
    ('live_events', 'SELECT, INSERT', 'SELECT, INSERT, DELETE', 'SELECT, UPDATE'),
    ('live_cursor', 'SELECT', 'SELECT', 'SELECT, UPDATE'),
    -- notices out: the relay makes them of live events, a worker sends them
    ('notice_endpoints', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE', 'SELECT'),
    ('notice_secrets', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT, DELETE', ''),
    ('notices', 'SELECT, INSERT', 'SELECT, DELETE', 'SELECT, INSERT'),
    ('notice_deliveries', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT, UPDATE, DELETE',
      'SELECT, INSERT'),
    ('notice_replays', 'SELECT, INSERT', 'SELECT', ''),
    -- what Stripe paid out, and our own payouts to sellers
    ('balance_transactions', 'SELECT', 'SELECT, INSERT, UPDATE', ''),
    ('balance_cursor', 'SELECT', 'SELECT, UPDATE', ''),
    ('payouts', 'SELECT', 'SELECT, INSERT, UPDATE', ''),
    ('payout_destinations', 'SELECT, INSERT, UPDATE', 'SELECT', ''),
    ('seller_payouts', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('seller_payout_attempts', 'SELECT', 'SELECT, INSERT, UPDATE', ''),
    -- the chain: web decides, a worker sends and follows
    ('releases', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('freezes', 'SELECT, INSERT, UPDATE', 'SELECT', ''),
    ('escrows', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE', ''),
    ('escrow_effects', 'SELECT', 'SELECT, INSERT, UPDATE', ''),
    ('chain_intents', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('chain_attempts', 'SELECT', 'SELECT, INSERT, UPDATE', ''),
    ('chain_signers', 'SELECT', 'SELECT, INSERT, UPDATE', ''),
    ('chain_cursors', 'SELECT', 'SELECT, INSERT, UPDATE', ''),
    ('chain_blocks', 'SELECT', 'SELECT, INSERT, UPDATE, DELETE', ''),
    -- reconciliation
    ('statement_files', 'SELECT, INSERT', 'SELECT', ''),
    ('bank_statements', 'SELECT, INSERT', 'SELECT', ''),
    ('statement_lines', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE', ''),
    ('expectations', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('expectation_cursors', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('reconciliation_runs', 'SELECT, INSERT', 'SELECT, INSERT, UPDATE', ''),
    ('matches', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('match_parts', 'SELECT, INSERT', 'SELECT, INSERT', ''),
    ('findings', 'SELECT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    -- finance: web decides about months and entries, a worker makes documents and files
    ('period_closings', 'SELECT, INSERT, UPDATE (state, reopen_requested_by, reopen_requested_at,
      reopen_reason, reopened_by, reopened_at)', 'SELECT', ''),
    ('period_reports', 'SELECT', 'SELECT, INSERT', ''),
    ('manual_entries', 'SELECT, INSERT, UPDATE (status, decided_by, decided_at, refusal, entry_id,
      reversed_by_entry_id, updated_at)', 'SELECT, INSERT, UPDATE (status, decided_by, decided_at,
      refusal, entry_id, reversed_by_entry_id, updated_at)', ''),
    ('manual_entry_lines', 'SELECT, INSERT', 'SELECT, INSERT', ''),
    ('exports', 'SELECT, INSERT', 'SELECT, UPDATE (status, row_count, rows_expected, attempt,
      manifest, failure, updated_at, expires_at)', ''),
    ('export_pieces', 'SELECT', 'SELECT, INSERT, DELETE', ''),
    ('account_mappings', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT', ''),
    ('invoice_series', 'SELECT', 'SELECT, INSERT', ''),
    ('invoice_counters', 'SELECT', 'SELECT, INSERT, UPDATE (last_number, last_issued_at)', ''),
    ('invoices', 'SELECT', 'SELECT, INSERT', ''),
    ('invoice_files', 'SELECT', 'SELECT, INSERT', ''),
    ('invoice_renderings', 'SELECT', 'SELECT, INSERT, UPDATE', ''),
    ('invoice_accesses', 'SELECT, INSERT', '', ''),
    ('pro_formas', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE', ''),
    ('documents_due', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE, DELETE', '')
  ) AS decided (t, api, worker, relay) LOOP
    IF row.api <> '' THEN
      EXECUTE format('GRANT %s ON strongroom.%I TO strongroom_api', row.api, row.t);
    END IF;
    IF row.worker <> '' THEN
      EXECUTE format('GRANT %s ON strongroom.%I TO strongroom_worker', row.worker, row.t);
    END IF;
    IF row.relay <> '' THEN
      EXECUTE format('GRANT %s ON strongroom.%I TO strongroom_relay', row.relay, row.t);
    END IF;
    -- The auditor reads everything but what is encrypted and what opens or finds something.
    SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) INTO readable
      FROM information_schema.columns
     WHERE table_schema = 'strongroom' AND table_name = row.t
       AND column_name NOT LIKE '%\_encrypted'
       AND column_name NOT IN ('secret_hash', 'id_hash', 'lease_token', 'fingerprint', 'email_index',
                               'wrapped');
    EXECUTE format('GRANT SELECT (%s) ON strongroom.%I TO strongroom_auditor', readable, row.t);
  END LOOP;
END $$;


-- A worker encrypts anew what was encrypted with an older key.
DO $$
DECLARE found record;
BEGIN
  FOR found IN SELECT c.table_name AS t, c.column_name AS c FROM information_schema.columns c
                WHERE c.table_schema = 'strongroom'
                  AND (c.column_name LIKE '%\_encrypted' OR c.column_name = 'email_index') LOOP
    EXECUTE format('GRANT UPDATE (%I) ON strongroom.%I TO strongroom_worker', found.c, found.t);
  END LOOP;
END $$;

GRANT USAGE ON SEQUENCE strongroom.invoice_series_codes TO strongroom_worker;

-- The journal is read by whoever works with money, and written by its functions alone.
GRANT SELECT ON
  ledger.accounts, ledger.assets, ledger.balances, ledger.closed_periods, ledger.daily_totals,
  ledger.daily_totals_cursor, ledger.entries, ledger.holds, ledger.postings, ledger.reversals,
  ledger.roll_ranges, ledger.roll_sums, ledger.seals, ledger.watermark
TO strongroom_api, strongroom_worker, strongroom_auditor;
GRANT EXECUTE ON FUNCTION
  ledger.append_entries, ledger.lock_accounts, ledger.link_reversal, ledger.open_accounts,
  ledger.define_asset, ledger.place_hold, ledger.take_from_hold, ledger.close_holds,
  ledger.hold_closed_through, ledger.advance_watermark, ledger.seal_next
TO strongroom_api, strongroom_worker;
GRANT EXECUTE ON FUNCTION
  ledger.balance_now, ledger.balance_at, ledger.closed_through, ledger.utc_day,
  ledger.totals_as_of, ledger.movements_of, ledger.sequence_as_of, ledger.microseconds,
  ledger.block, ledger.chain
TO strongroom_api, strongroom_worker, strongroom_auditor;
-- A month is closed, which seals it, and reopened where people ask for it; the rest is routine.
GRANT EXECUTE ON FUNCTION ledger.close_books, ledger.reopen_books TO strongroom_api;
GRANT EXECUTE ON FUNCTION
  ledger.roll_account, ledger.accounts_to_roll, ledger.roll_totals
TO strongroom_worker;
GRANT EXECUTE ON FUNCTION strongroom.audit_text
TO strongroom_api, strongroom_worker, strongroom_auditor;
GRANT EXECUTE ON FUNCTION strongroom.audit_advance, strongroom.audit_seal_next TO strongroom_worker;
