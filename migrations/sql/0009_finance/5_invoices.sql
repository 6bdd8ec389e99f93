-- Why a line's tax is what it is: EN 16931 calls it the VAT category.
ALTER TABLE strongroom.order_lines ADD tax_category text NOT NULL DEFAULT 'standard'
  CHECK (tax_category IN ('standard', 'zero_rated', 'exempt', 'reverse_charge'));
ALTER TABLE strongroom.order_lines ADD tax_note text;  -- why it is exempt

-- One series an issuer and kind of document: the seller issues, and numbers have no gap in a year.
CREATE TABLE strongroom.invoice_series (
  seller_id text NOT NULL REFERENCES strongroom.parties,
  kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  code text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9]{1,12}$'),  -- the beginning of its numbers
  PRIMARY KEY (seller_id, kind)
);
CREATE TABLE strongroom.invoice_counters (
  series text NOT NULL REFERENCES strongroom.invoice_series (code),
  year int NOT NULL CHECK (year BETWEEN 2000 AND 9999),
  last_number int NOT NULL DEFAULT 0 CHECK (last_number >= 0),
  PRIMARY KEY (series, year)
);

-- Issued once, never edited, never deleted. `content_encrypted` is the frozen copy of everything
-- the document says, as JSON: names and addresses are personal data.
CREATE TABLE strongroom.invoices (
  id text PRIMARY KEY,                               -- inv_…
  kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  order_id text NOT NULL REFERENCES strongroom.orders,
  corrects text REFERENCES strongroom.invoices,      -- the invoice a credit note refers to
  refund_id text UNIQUE REFERENCES strongroom.refunds,
  series text NOT NULL,
  year int NOT NULL,
  number int NOT NULL CHECK (number >= 1),
  number_text text NOT NULL UNIQUE,
  currency text NOT NULL,
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  tax_amount strongroom.minor_units NOT NULL CHECK (tax_amount <= amount),
  content_encrypted bytea NOT NULL,
  content_sha256 bytea NOT NULL CHECK (octet_length(content_sha256) = 32),
  issued_at timestamptz NOT NULL,
  UNIQUE (series, year, number),
  FOREIGN KEY (series, year) REFERENCES strongroom.invoice_counters (series, year),
  CHECK ((kind = 'credit_note') = (corrects IS NOT NULL))
);
CREATE UNIQUE INDEX invoices_once ON strongroom.invoices (order_id) WHERE kind = 'invoice';
CREATE INDEX invoices_order ON strongroom.invoices (order_id, id);
CREATE TRIGGER invoices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.invoices FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- The rendered file of an issued document: what is served the first time is what is served for ever.
CREATE TABLE strongroom.invoice_files (
  invoice_id text NOT NULL REFERENCES strongroom.invoices,
  format text NOT NULL CHECK (format IN ('pdf', 'xml')),
  content_encrypted bytea NOT NULL,
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),   -- of the content as served
  size int NOT NULL CHECK (size > 0),
  renderer text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (invoice_id, format)
);
CREATE TRIGGER invoice_files_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.invoice_files FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- A pro forma of an unpaid order, made when somebody asks: it has no number, and is made anew when
-- it is older than the order or an hour.
CREATE TABLE strongroom.pro_formas (
  order_id text PRIMARY KEY REFERENCES strongroom.orders,
  content_encrypted bytea,
  wanted_at timestamptz NOT NULL,
  made_at timestamptz
);

-- Who looked at documents with personal data, and why.
CREATE TABLE strongroom.invoice_accesses (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  order_id text NOT NULL,
  invoice_id text,
  principal text NOT NULL,
  role text NOT NULL,
  way text NOT NULL CHECK (way IN ('session', 'key', 'token', 'link')),
  reason text,
  at timestamptz NOT NULL
);
CREATE TRIGGER invoice_accesses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON strongroom.invoice_accesses FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

GRANT SELECT, INSERT ON strongroom.invoice_series, strongroom.invoices, strongroom.invoice_files,
  strongroom.invoice_accesses TO strongroom_app;
GRANT SELECT, INSERT, UPDATE ON strongroom.invoice_counters, strongroom.pro_formas TO strongroom_app;
