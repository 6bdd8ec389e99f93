-- Opening accounts, and the assets everybody starts with.

-- Opens the accounts that do not exist yet. The caller compares what it gets back with what it
-- asked for: an account that exists with another mode or floor is left as it is.
CREATE FUNCTION ledger.open_accounts(
  p_path text[], p_asset text[], p_mode text[], p_floor numeric[])
RETURNS TABLE (id bigint, path text, asset text, mode text, floor numeric)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
  -- In the order of the paths, so that two callers opening the same accounts do not deadlock.
  WITH opened AS (
    INSERT INTO accounts (path, asset_id, mode)
    SELECT DISTINCT ON (w.path, a.id) w.path, a.id, w.mode
      FROM unnest(p_path, p_asset, p_mode) AS w (path, asset, mode)
      LEFT JOIN assets a ON a.code = w.asset
     ORDER BY w.path, a.id
    ON CONFLICT DO NOTHING
    RETURNING accounts.id, accounts.path, accounts.asset_id, accounts.mode, accounts.side)
  INSERT INTO balances (account_id, asset_id, mode, side, floor)
  SELECT o.id, o.asset_id, o.mode, o.side,
         (SELECT w.floor FROM unnest(p_path, p_asset, p_floor) AS w (path, asset, floor)
            JOIN assets a ON a.code = w.asset
           WHERE w.path = o.path AND a.id = o.asset_id LIMIT 1)
    FROM opened o;

  -- A statement of its own, so that it sees accounts another transaction opened meanwhile.
  RETURN QUERY
    SELECT c.id, c.path, a.code, c.mode, b.floor::numeric
      FROM accounts c JOIN assets a ON a.id = c.asset_id JOIN balances b ON b.account_id = c.id
     WHERE (c.path, a.code) IN (SELECT * FROM unnest(p_path, p_asset));
END $$;

CREATE FUNCTION ledger.define_asset(p_code text, p_exponent smallint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
  INSERT INTO assets (code, exponent) VALUES (p_code, p_exponent) ON CONFLICT DO NOTHING;
$$;

-- Decimals by ISO 4217 for money, by the token's own contract for the rest.
INSERT INTO ledger.assets (code, exponent) VALUES
  ('AED', 2), ('AUD', 2), ('BGN', 2), ('BHD', 3), ('BRL', 2), ('CAD', 2), ('CHF', 2), ('CLP', 0),
  ('CNY', 2), ('CZK', 2), ('DKK', 2), ('EUR', 2), ('GBP', 2), ('HKD', 2), ('HUF', 2), ('IDR', 2),
  ('ILS', 2), ('INR', 2), ('ISK', 0), ('JOD', 3), ('JPY', 0), ('KRW', 0), ('KWD', 3), ('MXN', 2),
  ('MYR', 2), ('NOK', 2), ('NZD', 2), ('OMR', 3), ('PHP', 2), ('PLN', 2), ('RON', 2), ('SAR', 2),
  ('SEK', 2), ('SGD', 2), ('THB', 2), ('TND', 3), ('TRY', 2), ('TWD', 2), ('USD', 2), ('VND', 0),
  ('ZAR', 2), ('BTC', 8), ('DAI', 18), ('ETH', 18), ('USDC', 6), ('USDT', 6);
