-- Why a line's tax is what it is: EN 16931 calls it the VAT category.
-- A line of before with a rate of zero reads as zero-rated.
ALTER TABLE strongroom.order_lines ADD tax_category text NOT NULL DEFAULT 'standard'
  CHECK (tax_category IN ('standard', 'zero_rated', 'exempt', 'reverse_charge'));
ALTER TABLE strongroom.order_lines ADD tax_note text;  -- why it is exempt
ALTER TABLE strongroom.order_lines
  ADD CHECK (tax_rate = 0 OR tax_category = 'standard'),
  ADD CHECK (tax_category <> 'exempt' OR tax_note IS NOT NULL);

-- One series an issuer and kind of document: the seller issues, and numbers have no gap in a year.
CREATE SEQUENCE strongroom.invoice_series_codes;
CREATE TABLE strongroom.invoice_series (
  seller_id text NOT NULL REFERENCES strongroom.parties,
  kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  code text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9]{1,12}$'),  -- the beginning of its numbers
  PRIMARY KEY (seller_id, kind)
);
-- Locked while a document is issued: who waits for it gets the next number, and a later time.
CREATE TABLE strongroom.invoice_counters (
  series text NOT NULL REFERENCES strongroom.invoice_series (code),
  year int NOT NULL CHECK (year BETWEEN 2000 AND 9999),
  last_number int NOT NULL DEFAULT 0 CHECK (last_number >= 0),
  last_issued_at timestamptz,
  PRIMARY KEY (series, year),
  CHECK ((last_number = 0) = (last_issued_at IS NULL))
);
CREATE TRIGGER invoice_counters_begin BEFORE INSERT ON strongroom.invoice_counters FOR EACH ROW
  WHEN (NEW.last_number > 1) EXECUTE FUNCTION strongroom.refuse();
CREATE TRIGGER invoice_counters_onwards BEFORE UPDATE ON strongroom.invoice_counters FOR EACH ROW
  WHEN (NEW.last_number <> OLD.last_number + 1 OR NEW.last_issued_at < OLD.last_issued_at)
  EXECUTE FUNCTION strongroom.refuse();
CREATE TRIGGER invoice_counters_fixed BEFORE UPDATE OF series, year OR DELETE OR TRUNCATE
  ON strongroom.invoice_counters FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- Issued once, never edited, never deleted. `content_encrypted` is the frozen copy of everything
-- the document says, as JSON: names and addresses are personal data. It alone may be written anew,
-- with another key; `content_sha256` tells that it says the same.
CREATE TABLE strongroom.invoices (
  id text PRIMARY KEY,                               -- inv_…
  kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  order_id text NOT NULL REFERENCES strongroom.orders,
  corrects text REFERENCES strongroom.invoices,      -- what a credit note, or a later invoice, corrects
  refund_id text REFERENCES strongroom.refunds,      -- why
  series text NOT NULL,
  year int NOT NULL,
  number int NOT NULL CHECK (number >= 1),
  number_text text NOT NULL UNIQUE,
  currency text NOT NULL,
  amount strongroom.minor_units NOT NULL CHECK (amount > 0),
  tax_amount strongroom.minor_units NOT NULL CHECK (tax_amount >= 0 AND tax_amount <= amount),
  content_encrypted bytea NOT NULL,
  content_sha256 bytea NOT NULL CHECK (octet_length(content_sha256) = 32),
  issued_at timestamptz NOT NULL,
  UNIQUE (series, year, number),
  FOREIGN KEY (series, year) REFERENCES strongroom.invoice_counters (series, year),
  CHECK ((corrects IS NULL) = (refund_id IS NULL)),
  CHECK (kind = 'invoice' OR corrects IS NOT NULL),
  CHECK (year = extract(year FROM issued_at AT TIME ZONE 'UTC')),
  CHECK (number_text = series || '-' || year || '-' || lpad(number::text, 6, '0')
         OR number > 999999)
);
CREATE UNIQUE INDEX invoices_once ON strongroom.invoices (order_id) WHERE corrects IS NULL;
-- A refund is credited once; should its money come back, that is invoiced again, once.
CREATE UNIQUE INDEX invoices_refund_once ON strongroom.invoices (refund_id, kind)
  WHERE refund_id IS NOT NULL;
CREATE INDEX invoices_order ON strongroom.invoices (order_id, id);
CREATE TRIGGER invoices_append_only
  BEFORE UPDATE OF id, kind, order_id, corrects, refund_id, series, year, number, number_text,
    currency, amount, tax_amount, content_sha256, issued_at OR DELETE OR TRUNCATE
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
ALTER TABLE strongroom.invoice_files ALTER content_encrypted SET STORAGE EXTERNAL;
CREATE TRIGGER invoice_files_append_only
  BEFORE UPDATE OF invoice_id, format, sha256, size, renderer, created_at OR DELETE OR TRUNCATE
  ON strongroom.invoice_files FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse();

-- What is still to be rendered, one row a document. `waiting` is tried again at `try_at`;
-- `problem` says what was in the way, for instance that no font has its letters.
CREATE TABLE strongroom.invoice_renderings (
  invoice_id text PRIMARY KEY REFERENCES strongroom.invoices,
  status text NOT NULL CHECK (status IN ('waiting', 'ready', 'failed')),
  attempts int NOT NULL DEFAULT 0,
  problem text,
  try_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX invoice_renderings_due ON strongroom.invoice_renderings (try_at)
  WHERE status = 'waiting';

-- The sweeps look back over what was paid and refunded lately.
CREATE INDEX orders_paid_lately ON strongroom.orders (updated_at) WHERE status = 'paid';
CREATE INDEX refunds_booked_lately ON strongroom.refunds (updated_at)
  WHERE booked IN ('refunded', 'returned');

-- A pro forma of an unpaid order, made when somebody asks: it has no number, and is made anew when
-- it is older than the order or an hour.
CREATE TABLE strongroom.pro_formas (
  order_id text PRIMARY KEY REFERENCES strongroom.orders,
  content_encrypted bytea,
  wanted_at timestamptz NOT NULL,
  made_at timestamptz,
  problem text,                                      -- what was in the way of the last attempt
  CHECK ((content_encrypted IS NULL) = (made_at IS NULL))
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
-- For a rotation of keys alone; the triggers hold everything else.
GRANT UPDATE (content_encrypted) ON strongroom.invoices, strongroom.invoice_files
  TO strongroom_app;
GRANT USAGE ON SEQUENCE strongroom.invoice_series_codes TO strongroom_app;
GRANT SELECT, INSERT ON strongroom.invoice_counters TO strongroom_app;
GRANT UPDATE (last_number, last_issued_at) ON strongroom.invoice_counters TO strongroom_app;
GRANT SELECT, INSERT, UPDATE ON strongroom.invoice_renderings, strongroom.pro_formas
  TO strongroom_app;
