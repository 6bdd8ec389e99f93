-- Seals: a hash chain over the journal, so that a change to any sealed entry can be shown.
--
-- The text of an entry is the JSON array of its columns and of its postings in the order of their
-- lines; times are microseconds since 1970. block_hash is the SHA-256 of the texts of the block's
-- entries, one a line; chain_hash is the SHA-256 of the chain_hash before (32 zero bytes at first)
-- followed by block_hash.

CREATE FUNCTION ledger.microseconds(p_at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN (extract(epoch FROM p_at) * 1000000)::bigint;

CREATE FUNCTION ledger.block(p_from bigint, p_upto bigint, OUT entry_count bigint, OUT hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ledger, pg_temp
BEGIN ATOMIC
  SELECT count(*), sha256(convert_to(coalesce(string_agg(text, E'\n' ORDER BY id), ''), 'UTF8'))
    FROM (
      SELECT e.id, jsonb_build_array(
               e.id, e.effect_key, encode(e.fingerprint, 'hex'), e.kind,
               ledger.microseconds(e.occurred_at), ledger.microseconds(e.recorded_at),
               e.description, e.metadata,
               (SELECT jsonb_agg(jsonb_build_array(
                         p.line, p.account_id, p.asset_id, p.amount::numeric, p.seq, p.balance_after,
                         ledger.microseconds(p.recorded_at)) ORDER BY p.line)
                  FROM ledger.postings p WHERE p.entry_id = e.id))::text AS text
        FROM ledger.entries e WHERE e.id > p_from AND e.id <= p_upto) entries;
END;

CREATE FUNCTION ledger.chain(p_before bytea, p_block bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN sha256(coalesce(p_before, decode(repeat('00', 32), 'hex')) || p_block);

-- Seals the next block of at most `p_most` settled entries; returns how many it sealed.
CREATE FUNCTION ledger.seal_next(p_most int) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_temp
AS $$
DECLARE
  before seals;
  upto bigint;
  counted bigint;
  hashed bytea;
BEGIN
  LOCK TABLE seals IN SHARE ROW EXCLUSIVE MODE;  -- one sealer at a time
  SELECT * INTO before FROM seals ORDER BY number DESC LIMIT 1;
  SELECT max(id) INTO upto FROM (
    SELECT id FROM entries
     WHERE id > coalesce(before.upto_entry, 0) AND id <= (SELECT settled_to FROM watermark)
     ORDER BY id LIMIT p_most) next;
  IF upto IS NULL THEN RETURN 0; END IF;
  SELECT entry_count, hash INTO counted, hashed FROM block(coalesce(before.upto_entry, 0), upto);
  INSERT INTO seals (number, from_entry, upto_entry, entry_count, block_hash, chain_hash)
  VALUES (coalesce(before.number, 0) + 1, coalesce(before.upto_entry, 0), upto, counted, hashed,
          chain(before.chain_hash, hashed));
  RETURN counted;
END $$;
