-- What a search finds things by and no index had: a caller's reference (by hash, as it is only
-- ever asked for whole), an escrow's addresses in any spelling, and a transaction of a contract.
CREATE INDEX idempotency_keys_reference ON strongroom.idempotency_keys USING hash (reference);
CREATE INDEX escrows_contract ON strongroom.escrows (lower(contract_address));
CREATE INDEX escrows_depositor ON strongroom.escrows (lower(depositor));
CREATE INDEX escrows_beneficiary ON strongroom.escrows (lower(beneficiary));
CREATE INDEX escrow_effects_transaction ON strongroom.escrow_effects USING hash (tx_hash);
