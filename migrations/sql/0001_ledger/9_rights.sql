-- The application reads everything and writes through functions only.

REVOKE ALL ON ALL TABLES IN SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;

GRANT USAGE ON SCHEMA ledger TO strongroom_app;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO strongroom_app;
GRANT EXECUTE ON FUNCTION
  ledger.append_entries, ledger.lock_accounts, ledger.link_reversal, ledger.close_books,
  ledger.open_accounts, ledger.define_asset,
  ledger.advance_watermark, ledger.roll_account, ledger.accounts_to_roll,
  ledger.balance_now, ledger.balance_at,
  ledger.place_hold, ledger.take_from_hold, ledger.close_holds,
  ledger.microseconds, ledger.block, ledger.chain, ledger.seal_next
TO strongroom_app;
