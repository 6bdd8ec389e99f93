-- Holds reserve part of what a strict account has; the CHECK on balances is what refuses.

CREATE FUNCTION ledger.place_hold(
  p_effect_key text, p_account bigint, p_amount numeric, p_expires_at timestamptz, p_now timestamptz)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE hold_id bigint;
BEGIN
  INSERT INTO holds (effect_key, account_id, amount, expires_at, placed_at)
  VALUES (p_effect_key, p_account, p_amount, p_expires_at, p_now)
  RETURNING id INTO hold_id;
  UPDATE balances SET held = held + p_amount WHERE account_id = p_account;
  RETURN hold_id;
END $$;

-- Takes `p_amount` out of an open hold so that an entry can use it; `p_close` gives back the rest.
-- The caller holds the lock on the balance (lock_accounts) and has checked the state.
CREATE FUNCTION ledger.take_from_hold(p_hold bigint, p_amount numeric, p_close boolean, p_now timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
DECLARE hold holds; closing boolean;
BEGIN
  SELECT * INTO STRICT hold FROM holds WHERE id = p_hold AND state = 'open' FOR UPDATE;
  closing := p_close OR hold.captured + p_amount = hold.amount;
  UPDATE holds
     SET captured = captured + p_amount,
         state = CASE WHEN closing THEN 'captured' ELSE state END,
         closed_at = CASE WHEN closing THEN p_now END
   WHERE id = p_hold;
  UPDATE balances
     SET held = held - CASE WHEN closing THEN hold.amount - hold.captured ELSE p_amount END
   WHERE account_id = hold.account_id;
END $$;

-- Gives back what is left of open holds: `p_state` is 'voided' or 'expired'. Returns those closed.
CREATE FUNCTION ledger.close_holds(p_holds bigint[], p_state text, p_now timestamptz)
RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
  PERFORM lock_accounts(ARRAY(SELECT account_id FROM holds WHERE id = ANY (p_holds)));
  RETURN QUERY
    WITH closed AS (
      UPDATE holds SET state = p_state, closed_at = p_now
       WHERE holds.id = ANY (p_holds) AND state = 'open'
      RETURNING holds.id, account_id, amount - captured AS rest),
    given_back AS (
      UPDATE balances b SET held = held - c.rest
        FROM (SELECT account_id, sum(rest) AS rest FROM closed GROUP BY account_id) c
       WHERE b.account_id = c.account_id)
    SELECT id FROM closed;
END $$;
