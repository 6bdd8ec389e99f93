-- Every column of ciphertexts is guarded against keys that were replaced (see 2_privacy.sql). A
-- later migration calls `strongroom.guard_ciphertexts` for each such column it adds.
DO $$
DECLARE
  guarded record;
BEGIN
  FOR guarded IN
    SELECT c.table_name, c.column_name FROM information_schema.columns c
      JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema = 'strongroom' AND t.table_type = 'BASE TABLE'
       AND (c.column_name LIKE '%\_encrypted'
            OR (c.table_name, c.column_name) = ('parties', 'email_index'))
  LOOP
    PERFORM strongroom.guard_ciphertexts(guarded.table_name, guarded.column_name);
  END LOOP;
END $$;
